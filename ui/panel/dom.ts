/**
 * The little that the panel needs to build and change a page. Only differences are written: screen readers speak what is written, and a focus or a
 * selection in what did not change stays where it is.
 */
type Child = Node | string;

/** Makes an element; `attributes` that are false are left out, true ones are empty. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | boolean>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

export function button(
  attributes: Readonly<Record<string, string | boolean>>,
  onClick: () => void,
  ...children: Child[]
) {
  const made = element('button', { type: 'button', ...attributes }, ...children);
  made.addEventListener('click', onClick);
  return made;
}

export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target: Element, name: string, value: string | boolean | null): void {
  const text = value === true ? '' : value;
  if (text === false || text === null) target.removeAttribute(name);
  else if (target.getAttribute(name) !== text) target.setAttribute(name, text);
}

export function setHidden(target: HTMLElement, hidden: boolean): void {
  if (target.hidden !== hidden) target.hidden = hidden;
}

/** Makes `parent` hold exactly these, in this order; what is there already is not taken out and put in again. */
export function setChildren(parent: Element, children: readonly Element[]): void {
  const wanted = new Set(children);
  for (const child of Array.from(parent.children)) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

/** Parts of the page that show one thing each, by the key of the thing: kept as long as the thing is there. */
export class Keyed<T, P extends { readonly root: Element; readonly show: (thing: T) => void }> {
  readonly #parent: Element;
  readonly #keyOf: (thing: T) => string;
  readonly #make: (thing: T) => P;
  #parts = new Map<string, P>();

  constructor(parent: Element, keyOf: (thing: T) => string, make: (thing: T) => P) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#make = make;
  }

  show(things: readonly T[]): void {
    const parts = new Map(
      things.map((thing) => {
        const key = this.#keyOf(thing);
        const part = this.#parts.get(key) ?? this.#make(thing);
        part.show(thing);
        return [key, part] as const;
      }),
    );
    this.#parts = parts;
    setChildren(
      this.#parent,
      [...parts.values()].map(({ root }) => root),
    );
  }
}
