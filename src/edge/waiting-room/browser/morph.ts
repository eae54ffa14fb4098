/** Makes an element's content what this HTML says, and leaves alone what is so already: the focus, an open list, water that moves. */
export function morph(element: Element, html: string): void {
  const fresh = element.cloneNode() as Element;
  fresh.innerHTML = html;
  children(element, fresh);
}

function children(to: Node, from: Node): void {
  const [before, after] = [[...to.childNodes], [...from.childNodes]];
  for (const [index, next] of after.entries()) {
    const old = before[index];
    if (old === undefined) to.appendChild(next);
    else if (old.nodeName !== next.nodeName) to.replaceChild(next, old);
    else if (next.nodeType === Node.TEXT_NODE) {
      if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    } else if (next instanceof Element && old instanceof Element) {
      for (const { name, value } of next.attributes)
        if (old.getAttribute(name) !== value) old.setAttribute(name, value);
      // Written by the script alone.
      if (!next.hasAttribute("data-kept")) children(old, next);
    }
  }
  for (const old of before.slice(after.length)) to.removeChild(old);
}
