/**
 * Whether sound is offered: only while it really comes. Browsers play the intersection of what is buffered of picture and sound, so a sound
 * track that falls silent would stop the picture.
 *
 * A pure policy on capture times (microseconds). Does not belong here: telling viewers (channel.ts).
 */

/** So much picture without sound, and the sound counts as gone. */
const GONE_AFTER_US = 2_000_000;
/** Sound that has gone must come steadily for this long before it is offered again, or a bad line would reset viewers all the time. */
const BACK_AFTER_US = 1_000_000;

export class AudioPresence {
  #present = true;
  #lastSoundUs: number | undefined;
  /** Since when sound comes steadily again; `undefined` while it does not. */
  #steadySinceUs: number | undefined;

  /** A stream that has a sound track is believed to have sound until it proves otherwise. */
  get present(): boolean {
    return this.#present;
  }

  picture(captureUs: number): void {
    this.#lastSoundUs ??= captureUs;
    if (captureUs - this.#lastSoundUs <= GONE_AFTER_US) return;
    this.#present = false;
    this.#steadySinceUs = undefined;
  }

  sound(captureUs: number): void {
    this.#steadySinceUs ??= captureUs;
    this.#lastSoundUs = captureUs;
    if (captureUs - this.#steadySinceUs >= BACK_AFTER_US) this.#present = true;
  }
}
