/**
 * Messages that have been used to make two programs read two requests in one, or one in two, as data. Told from the public suites
 * llhttp (nodejs/llhttp, test/request) and Http11Probe (MDA2AV/Http11Probe), and from the rules themselves.
 *
 * `refused`: nothing whole reaches the origin, and the connection is closed. `once`: it is a request like any other, and reaches the
 * origin as one, with `body`. `either`: both are right by the RFC, and nothing else is.
 */
export type Vector = {
  readonly name: string;
  readonly rule: string;
  readonly bytes: string;
  readonly expect: "refused" | "once" | "either";
  readonly body?: string;
};

const nine = "RFC 9112";
const ten = "RFC 9110";
/** The request that hides in a body; it must never be seen at the origin. */
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n";
const post = (fields: string, body = ""): string => `POST /a HTTP/1.1\r\nHost: shop.example\r\n${fields}\r\n${body}`;
const get = (fields: string): string => `GET /a HTTP/1.1\r\nHost: shop.example\r\n${fields}\r\n`;
const chunked = (body: string): string => post("Transfer-Encoding: chunked\r\n", body);
const refused = (name: string, rule: string, bytes: string): Vector => ({ name, rule, bytes, expect: "refused" });
const once = (name: string, rule: string, bytes: string, body = ""): Vector => ({
  name,
  rule,
  bytes,
  expect: "once",
  body,
});
const either = (name: string, rule: string, bytes: string, body = ""): Vector => ({
  name,
  rule,
  bytes,
  expect: "either",
  body,
});

const codingsThatAreNone: readonly (readonly [string, string])[] = [
  ["xchunked", "xchunked"],
  ["identity", "identity"],
  ["chunked, gzip", "chunked, gzip"],
  ["gzip, chunked", "gzip, chunked"],
  ["chunked, chunked", "chunked, chunked"],
  ["chunked, identity", "chunked, identity"],
  ["identity, chunked", "identity, chunked"],
  ["chunked;ext=val", "chunked;ext=val"],
  ["quoted", '"chunked"'],
  ["nothing", ""],
  ["a vertical tab before", "\vchunked"],
  ["a form feed before", "\fchunked"],
  ["a NUL after", "chunked\0"],
  ["a no-break space before", "\xa0chunked"],
  ["a comma inside", "chun,ked"],
];

const lengthsThatAreNone: readonly string[] = [
  "-1",
  "-0",
  "+5",
  "0x5",
  "0o5",
  "1_0",
  "5.0",
  "5e0",
  "1 0",
  "5, 10",
  "5, 5",
  "5;5",
  "five",
  "",
  "99999999999999999999",
  "18446744073709551621",
  "\v5",
  "5\0",
  "\xb25",
];

const chunksThatAreNone: readonly (readonly [string, string])[] = [
  ["0x before the size", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a plus sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a minus sign", "-1\r\nhello\r\n0\r\n\r\n"],
  ["an underscore in the size", "1_0\r\nhello world!!!!!\r\n0\r\n\r\n"],
  ["a space before the size", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a size that overflows", "FFFFFFFFFFFFFFFF0\r\nhello\r\n0\r\n\r\n"],
  ["no size", "\r\nhello\r\n0\r\n\r\n"],
  ["no hexadecimal digit", "G\r\nhello\r\n0\r\n\r\n"],
  ["more data than the size says", "5\r\nhello!!\r\n0\r\n\r\n"],
  ["no CRLF after the data", "5\r\nhello0\r\n\r\n"],
  ["a bare LF after the size", "5\nhello\r\n0\r\n\r\n"],
  ["a bare LF after the data", "5\r\nhello\n0\r\n\r\n"],
  ["a bare LF after an extension", "5;a\nhello\r\n0\r\n\r\n"],
  ["a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["a bare CR after the size", "5\rhello\r\n0\r\n\r\n"],
  ["a NUL in an extension", "5;a\0b\r\nhello\r\n0\r\n\r\n"],
  ["a request where an extension's line ends early", `5;a\n${smuggled}hello\r\n0\r\n\r\n`],
];

export const vectors: readonly Vector[] = [
  // Framing.
  ...codingsThatAreNone.map(([name, value]) =>
    refused(`Transfer-Encoding: ${name}`, `${nine} 6.1`, post(`Transfer-Encoding: ${value}\r\n`, "0\r\n\r\n")),
  ),
  ...codingsThatAreNone.map(([name, value]) =>
    refused(
      `Transfer-Encoding: ${name}, beside Content-Length`,
      `${nine} 6.1, 6.3`,
      post(`Transfer-Encoding: ${value}\r\nContent-Length: 5\r\n`, `0\r\n\r\n${smuggled}`),
    ),
  ),
  ...lengthsThatAreNone.map((value) =>
    refused(
      `Content-Length: ${JSON.stringify(value)}`,
      `${ten} 8.6`,
      post(`Content-Length: ${value}\r\n`, `hello${smuggled}`),
    ),
  ),
  ...chunksThatAreNone.map(([name, body]) => refused(`A chunk with ${name}`, `${nine} 7.1`, chunked(body))),
  refused(
    "CL.TE: the body ends where Content-Length does not say",
    `${nine} 6.3`,
    post(`Content-Length: ${5 + smuggled.length}\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${smuggled}`),
  ),
  refused(
    "TE.CL: a chunk holds what Content-Length cuts",
    `${nine} 6.3`,
    post(
      "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
      `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    ),
  ),
  refused(
    "TE.TE: a second coding in a field of its own",
    `${nine} 6.1`,
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", `0\r\n\r\n${smuggled}`),
  ),
  refused(
    "Two fields that both say chunked",
    `${nine} 6.1`,
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${smuggled}`),
  ),
  refused("Two different lengths", `${nine} 6.3`, post("Content-Length: 0\r\nContent-Length: 44\r\n", smuggled)),
  refused("Two equal lengths", `${nine} 6.3`, post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")),
  refused(
    "Transfer-Encoding of HTTP/1.0",
    `${nine} 6.1`,
    "POST /a HTTP/1.0\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ),
  refused(
    "A space before the colon of Transfer-Encoding",
    `${nine} 5.1`,
    post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
  ),
  refused("A tab before the colon of Content-Length", `${nine} 5.1`, post("Content-Length\t: 5\r\n", "hello")),
  refused("A folded Transfer-Encoding", `${nine} 5.2`, post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")),
  refused("A Content-Length folded into another field", `${nine} 5.2`, post("X: a\r\n Content-Length: 5\r\n", "hello")),
  refused("A GET with content", `${ten} 9.3.1`, get(`Content-Length: ${smuggled.length}\r\n`) + smuggled),
  refused(
    "A GET with chunked content",
    `${ten} 9.3.1`,
    `${get("Transfer-Encoding: chunked\r\n")}5\r\nhello\r\n0\r\n\r\n`,
  ),
  refused(
    "A HEAD with content",
    `${ten} 9.3.2`,
    `HEAD /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
  ),
  once("Content-Length with leading zeros", `${ten} 8.6`, post("Content-Length: 005\r\n", "hello"), "hello"),
  once("Content-Length with spaces around", `${nine} 5`, post("Content-Length: \t 5 \t\r\n", "hello"), "hello"),
  once("Content-Length of no content", `${ten} 8.6`, post("Content-Length: 0\r\n")),
  once("A POST without content and length", `${ten} 8.6`, post("")),
  once("Chunks", `${nine} 7.1`, chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), "hello world"),
  once(
    "Chunks, sizes in both cases and with zeros",
    `${nine} 7.1`,
    chunked("0a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n"),
    "01234567890123456789",
  ),
  once("Chunked in capitals", `${nine} 7`, post("Transfer-Encoding: CHUNKED\r\n", "5\r\nhello\r\n0\r\n\r\n"), "hello"),
  once("A chunk's extension", `${nine} 7.1.1`, chunked("5;name=value\r\nhello\r\n0\r\n\r\n"), "hello"),
  either("A chunk's size of 17 digits", `${nine} 7.1`, chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), "hello"),
  either("A chunk's quoted extension", `${nine} 7.1.1`, chunked('5;name="a;b"\r\nhello\r\n0\r\n\r\n'), "hello"),
  either("A chunk's extension without a name", `${nine} 7.1.1`, chunked("5;\r\nhello\r\n0\r\n\r\n"), "hello"),
  either("A space after the size", `${nine} 7.1.1`, chunked("5 \r\nhello\r\n0\r\n\r\n"), "hello"),
  either(
    "A chunk's extension of 64 KiB",
    `${nine} 7.1.1`,
    chunked(`5;a=${"a".repeat(65_536)}\r\nhello\r\n0\r\n\r\n`),
    "hello",
  ),
  ...[
    "Content-Length: 50",
    "Transfer-Encoding: chunked",
    "Host: evil.example",
    "Authorization: Bearer evil",
    "X-Forwarded-For: 203.0.113.9",
  ].map((field) =>
    either(`A trailer that says ${field}`, `${ten} 6.5.1`, chunked(`5\r\nhello\r\n0\r\n${field}\r\n\r\n`), "hello"),
  ),
  either(
    "A request where a last chunk's empty line is missing",
    `${nine} 7.1`,
    chunked(`5\r\nhello\r\n0\r\n${smuggled}`),
    "hello",
  ),
  either(
    "A request after a last chunk without a line's end",
    `${nine} 7.1`,
    chunked(`5\r\nhello\r\n0\r${smuggled}`),
    "hello",
  ),
  either("A request in a trailer", `${ten} 6.5.1`, chunked(`5\r\nhello\r\n0\r\nX: y\r\n${smuggled}`), "hello"),
  either("A bare LF at the end of the trailers", `${nine} 7.1`, chunked("5\r\nhello\r\n0\r\n\n"), "hello"),
  once(
    "An OPTIONS with content",
    `${ten} 9.3.7`,
    "OPTIONS /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhello",
    "hello",
  ),
  once(
    "A DELETE with content",
    `${ten} 9.3.5`,
    "DELETE /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhello",
    "hello",
  ),
  once("Content-Length with an underscore, which is another field", `${ten} 5.1`, post("Content_Length: 5\r\n")),
  once(
    "Transfer-Encoding with an underscore, which is another field",
    `${ten} 5.1`,
    post("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", "hello"),
    "hello",
  ),
  once(
    "100-continue, and the content at once",
    `${ten} 10.1.1`,
    post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"),
    "hello",
  ),
  refused("Another expectation", `${ten} 10.1.1`, post("Expect: 200-ok\r\nContent-Length: 5\r\n", "hello")),

  // Lines and fields.
  refused("A bare LF after the request line", `${nine} 2.2`, "GET /a HTTP/1.1\nHost: shop.example\r\n\r\n"),
  refused("A bare LF after a field", `${nine} 2.2`, "GET /a HTTP/1.1\r\nHost: shop.example\nX: y\r\n\r\n"),
  refused(
    "A bare LF before a hidden Transfer-Encoding",
    `${nine} 2.2`,
    post("X: y\nTransfer-Encoding: chunked\r\n", "1\r\nA\r\n0\r\n\r\n"),
  ),
  refused(
    "A bare CR before a hidden Transfer-Encoding",
    `${nine} 2.2`,
    post("X: y\rTransfer-Encoding: chunked\r\n", "1\r\nA\r\n0\r\n\r\n"),
  ),
  refused("A bare CR in a value", `${nine} 2.2`, get("X: a\rb\r\n")),
  refused(
    "A CR where the fields end, and a request after it",
    `${nine} 2.2`,
    "GET /a HTTP/1.1\r\nHost: shop.example\r\n\rZGET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n",
  ),
  refused("A NUL in a value", `${ten} 5.5`, get("X: a\0b\r\n")),
  refused("Control characters in a value", `${ten} 5.5`, get("X: a\x07\x08\vb\r\n")),
  refused("A folded field", `${nine} 5.2`, get("X: a\r\n b\r\n")),
  refused("A folded field by tab", `${nine} 5.2`, get("X: a\r\n\tb\r\n")),
  refused(
    "A field before Host that begins with a space",
    `${nine} 2.2`,
    "GET /a HTTP/1.1\r\n X: y\r\nHost: shop.example\r\n\r\n",
  ),
  refused("A space before a colon", `${nine} 5.1`, get("X : y\r\n")),
  refused("A field without a name", `${nine} 5.1`, get(": y\r\n")),
  refused("A field without a colon", `${nine} 5`, get("X\r\n")),
  refused("Brackets in a name", `${ten} 5.6.2`, get("X[]: y\r\n")),
  refused("A name that is not ASCII", `${ten} 5.6.2`, get("X-T\xc3\xabst: y\r\n")),
  refused("Empty lines before a request", `${nine} 2.2`, `\r\n\r\n${get("")}`),
  refused("Something before the method", `${nine} 3`, `junk ${get("")}`),
  refused("An HTTP/0.9 request", `${nine} 2.3`, "GET /a\r\n\r\n"),
  refused("No version", `${nine} 3`, "GET /a \r\n\r\n"),
  refused("Two spaces before the target", `${nine} 3`, "GET  /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
  refused("Two spaces before the version", `${nine} 3`, "GET /a  HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
  refused("A space after the version", `${nine} 3`, "GET /a HTTP/1.1 \r\nHost: shop.example\r\n\r\n"),
  refused("A space inside of the target", `${nine} 3.2`, "GET /a b HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
  refused("A tab instead of a space", `${nine} 3`, "GET\t/a HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
  ...[
    "HTTP/9.9",
    "HTTP/1.2",
    "HTTP/2.0",
    "HTTP/1.10",
    "HTTP/1",
    "http/1.1",
    "ICE/1.0",
    "RTSP/1.0",
    "HTTP /1.1",
    "HTTP/ 1.1",
    "HTTP/1.1\0",
  ].map((version) =>
    refused(`The version ${JSON.stringify(version)}`, `${nine} 2.3`, `GET /a ${version}\r\nHost: shop.example\r\n\r\n`),
  ),
  ...["get", "Post", "tRACE", "TRACK", "G{T", "GET\0", "PRI"].map((method) =>
    refused(
      `The method ${JSON.stringify(method)}`,
      `${ten} 9.1`,
      `${method} /a HTTP/1.1\r\nHost: shop.example\r\n\r\n`,
    ),
  ),
  ...["FOO", "ANNOUNCE", "M-SEARCH", "PURGE"].map((method) =>
    once(`The unknown method ${method}`, `${ten} 9.1`, `${method} /a HTTP/1.1\r\nHost: shop.example\r\n\r\n`),
  ),
  refused("TRACE", `${ten} 9.3.8`, "TRACE /a HTTP/1.1\r\nHost: shop.example\r\nCookie: a=b\r\n\r\n"),
  refused("CONNECT", `${ten} 9.3.6`, "CONNECT shop.example:80 HTTP/1.1\r\nHost: shop.example:80\r\n\r\n"),
  once("A value that is not ASCII", `${ten} 5.5`, get("X: caf\xe9\r\n")),
  once("An empty value", `${ten} 5.5`, get("X:\r\n")),

  // Host and target.
  refused("No Host", `${nine} 3.2`, "GET /a HTTP/1.1\r\nX: y\r\n\r\n"),
  refused("No fields at all", `${nine} 3.2`, "GET /a HTTP/1.1\r\n\r\n"),
  refused(
    "No Host, but an upgrade",
    `${nine} 3.2`,
    "GET /a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  ),
  refused("No Host in HTTP/1.0", `${nine} 3.2`, "GET /a HTTP/1.0\r\n\r\n"),
  refused("Two Hosts", `${nine} 3.2`, "GET /a HTTP/1.1\r\nHost: shop.example\r\nHost: evil.example\r\n\r\n"),
  refused("The same Host twice", `${nine} 3.2`, "GET /a HTTP/1.1\r\nHost: shop.example\r\nhost: shop.example\r\n\r\n"),
  ...[
    "",
    "shop.example, evil.example",
    "a b",
    "user@shop.example",
    "shop.example/",
    "shop.example?x",
    "shop.example#x",
    "shop.example\\x",
    "shop.example:99999",
    "shop.example:80:80",
    "shop.example:",
    ":80",
    "shop..example",
    "%73hop.example",
    "shop.example\t",
    "[::1",
    "::1",
    "[::1]x",
    "256.256.256.256",
    "shop.example;x",
    "http://shop.example",
    "{shop}",
    "sh\xf6p.example",
  ].map((host): Vector => {
    const bytes = `GET /a HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    // A tab after a value belongs to the line, not to the value.
    return host.endsWith("\t")
      ? once("Host and a tab", `${ten} 5.5`, bytes)
      : refused(`Host: ${JSON.stringify(host)}`, `${ten} 7.2`, bytes);
  }),
  ...["*", "a", "?a", "#a", "ftp://shop.example/a", "shop.example:80", "\\a", ""].map((target) =>
    refused(
      `The target ${JSON.stringify(target)}`,
      `${nine} 3.2`,
      `GET ${target} HTTP/1.1\r\nHost: shop.example\r\n\r\n`,
    ),
  ),
  refused("OPTIONS of the whole server", `${nine} 3.2.4`, "OPTIONS * HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
  refused("A fragment", `${nine} 3.2`, "GET /a#b HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
  refused("A NUL in the target", `${nine} 3.2`, "GET /a\0b HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
  refused(
    "A target that is too long",
    `${ten} 15.5.15`,
    `GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: shop.example\r\n\r\n`,
  ),
  refused(
    "A target that is far too long",
    `${ten} 15.5.15`,
    `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: shop.example\r\n\r\n`,
  ),
  refused("A field that is too long", "RFC 6585 5", get(`X: ${"a".repeat(100_000)}\r\n`)),
  refused("A name that is too long", "RFC 6585 5", get(`${"a".repeat(100_000)}: y\r\n`)),
  refused("A method that is too long", `${nine} 3`, `${"A".repeat(100_000)} /a HTTP/1.1\r\nHost: shop.example\r\n\r\n`),
  refused("Ten thousand fields", "RFC 6585 5", get("X: y\r\n".repeat(10_000))),
  refused("A body that is too large", `${ten} 15.5.14`, post("Content-Length: 999999999\r\n")),
  ...[
    "http://evil.example/a",
    "https://evil.example/a",
    "https://shop.example/a",
    "HTTP://evil.example:81/a",
    "http://user:word@shop.example/a",
    "http://shop.example:81/a",
    "http://shop.example#a",
    "http:///a",
    "//shop.example:a@b",
  ].map((target) => {
    const bytes = `GET ${target} HTTP/1.1\r\nHost: shop.example\r\n\r\n`;
    // Two slashes begin a path, whatever follows.
    return target.startsWith("//")
      ? once(`The path ${target}`, `${nine} 3.2.1`, bytes)
      : refused(`The absolute form ${target}`, `${nine} 3.2.2`, bytes);
  }),
  once("One empty line before a request", `${nine} 2.2`, `\r\n${get("")}`),
  refused("A target that is not ASCII", "RFC 3986 2", "GET /caf\xc3\xa9 HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
  refused("A hundred and fifty fields", "RFC 6585 5", get("X: y\r\n".repeat(150))),
  once(
    "The absolute form without a path",
    `${nine} 3.2.2`,
    "GET HTTP://Shop.Example?b HTTP/1.1\r\nHost: shop.example\r\n\r\n",
  ),
  once("The absolute form", `${nine} 3.2.2`, "GET http://shop.example/a HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
  once(
    "%00, %0d%0a and %2f in a path stay what they are",
    "RFC 3986 2.1",
    "GET /a%00b%0d%0aX:%20y%2fc HTTP/1.1\r\nHost: shop.example\r\n\r\n",
  ),

  // Connection.
  ...["Host", "Content-Length", "Cookie", "Authorization", "X-Forwarded-For", "Cache-Control"].map((name) =>
    refused(
      `Connection names ${name}`,
      `${ten} 7.6.1`,
      post(`Connection: close, ${name}\r\nContent-Length: 5\r\n`, "hello"),
    ),
  ),
  once(
    "Connection names a field of its own",
    `${ten} 7.6.1`,
    get("Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\n"),
  ),
  once(
    "An upgrade to HTTP/2",
    "RFC 9113 3.1",
    get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"),
  ),
  refused("Bytes that are nothing", `${nine} 2.2`, "\x01\x02\x03\xff\xfe\x00\x80\r\n\r\n"),
  refused("A TLS hello", `${nine} 2.2`, "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"),
  refused("Spaces", `${nine} 2.2`, "   \r\n\r\n"),
];
