/**
 * Elements from words, and the one way in which the page changes: a region is described anew and
 * compared with what stands there, and only what differs is touched. So the focus stays where it is,
 * and a screen reader's place in a table is not lost, though the page changes every second.
 */
export type Child = Node | string;
type Attributes = Readonly<Record<string, string | boolean>>;

/** Text is text: no markup in a name is ever read. `true` sets an attribute, `false` leaves it out. */
export function h(tag: string, attributes: Attributes, ...children: readonly Child[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element ${id}`);
  return element;
}

/** Makes what is in `region` the same as `wanted`. */
export function show(region: Element, ...wanted: readonly Child[]): void {
  const holder = document.createElement('div');
  holder.append(...wanted);
  matchChildren(region, holder);
}

function matchChildren(region: Node, wanted: Node): void {
  const all = [...wanted.childNodes];
  for (const [at, next] of all.entries()) {
    const here = region.childNodes[at];
    if (here === undefined) region.appendChild(next);
    else if (!matchNode(here, next)) region.replaceChild(next, here);
  }
  while (region.childNodes.length > all.length) region.lastChild?.remove();
}

/** false: it is another kind of node, and is replaced. */
function matchNode(here: Node, next: Node): boolean {
  if (here.nodeName !== next.nodeName) return false;
  if (here instanceof Text) {
    if (here.data !== next.textContent) here.data = next.textContent ?? '';
    return true;
  }
  if (!(here instanceof Element) || !(next instanceof Element)) return false;
  for (const { name, value } of [...next.attributes]) {
    if (here.getAttribute(name) !== value) here.setAttribute(name, value);
  }
  for (const { name } of [...here.attributes]) {
    if (!next.hasAttribute(name)) here.removeAttribute(name);
  }
  matchChildren(here, next);
  return true;
}
