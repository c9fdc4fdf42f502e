/**
 * A full memory fence, which JavaScript does not have by name.
 *
 * A sequentially consistent store and then a load of a word that only this process knows: XCHG on x64; on arm64 STLR and LDAR, where
 * nothing before passes the STLR downwards, nothing after passes the LDAR upwards, and the two keep their order. A read-modify-write
 * would not do on arm64 (later loads may pass the store half of an LDAXR/STLXR pair), and would be a SIGSEGV on a read-only map.
 * About 14 ns. Not here: any access to the ring itself.
 */
const scratch = new Int32Array(new SharedArrayBuffer(64));

/** Every load and store before it is done before any after it. Returns a value only so that no compiler can drop the load. */
export function fence(): number {
  Atomics.store(scratch, 0, 0); // pairs with the load below, and with nothing in the ring
  return Atomics.load(scratch, 0);
}
