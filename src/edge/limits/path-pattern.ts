/**
 * Which paths a limit is for: `:name` is one part of a path, a last `*` is any rest. A path is compared as an origin
 * might read it, so that neither /%63heckout nor /Checkout nor //checkout slips past a limit on /checkout.
 */
export function pathPattern(pattern: string): (path: string) => boolean {
  const parts = plain(pattern).split("/");
  const isOpen = parts.at(-1) === "*";
  if (isOpen) parts.pop();
  return (path) => {
    const given = plain(path).split("/");
    if (isOpen ? given.length <= parts.length : given.length !== parts.length) return false;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as string;
      if (part.startsWith(":") ? given[i] === "" : part !== given[i]) return false;
    }
    return true;
  };
}

function plain(path: string): string {
  let text = path;
  if (text.includes("%")) {
    try {
      text = decodeURIComponent(text);
    } catch {
      // Not UTF-8: compared as it was sent.
    }
  }
  if (text.includes("//")) text = text.replace(/\/{2,}/g, "/");
  if (text.length > 1 && text.endsWith("/")) text = text.slice(0, -1);
  return text.toLowerCase();
}
