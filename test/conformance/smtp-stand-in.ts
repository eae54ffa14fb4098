/**
 * A small SMTP server (RFC 5321, with STARTTLS and AUTH PLAIN) that keeps what it is sent, and misbehaves as the local
 * part of the recipient asks: nobody@ 550, later@ 450, spam@ 554 after the message, cut@ hangs up, silent@ says nothing.
 */
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";

/** For localhost and 127.0.0.1, made for these tests, valid until 2125; it guards nothing. */
export const testCertificate = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUcEJ8owU7VcCFvqn7+N/3Hlc6kC0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIyMTIxMVoYDzIxMjYxMDI5
MjIxMjExWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARHCo2SwVo9X11d0CGCz7i+amZ94iR5TJAhUkTsy6Y84+I+AvHV9ql3
0PSr4zdeqjCkz41IIFzpVyPtxiNLjlU3o28wbTAdBgNVHQ4EFgQUeI6Bakoh41Db
Ao/vjFRhpBJLYmYwHwYDVR0jBBgwFoAUeI6Bakoh41DbAo/vjFRhpBJLYmYwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAOXV6PBlq32g3n6VErjLjpC1OOkZt9LqOgHauLAzYWk9AiAD
mri7gCNzPNZR0WQNVCi9EjvRAbeFf1irqeHUR22rwQ==
-----END CERTIFICATE-----`;
const testCertificateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1Hi3rILTiG7VI8fq
yRazbkDEOA/FAkUFOAHwZx6HzK2hRANCAARHCo2SwVo9X11d0CGCz7i+amZ94iR5
TJAhUkTsy6Y84+I+AvHV9ql30PSr4zdeqjCkz41IIFzpVyPtxiNLjlU3
-----END PRIVATE KEY-----`;

export type ReceivedMail = { from: string; to: string[]; text: string; wasEncrypted: boolean; user: string | null };

export type SmtpStandIn = {
  readonly port: number;
  readonly mails: ReceivedMail[];
  /** Connections since the start. */
  connections(): number;
  /** Hangs up on every client, as a relay does to idle ones. */
  hangUp(): void;
  stop(): Promise<void>;
};

export type SmtpStandInOptions = {
  readonly tls: "none" | "starttls" | "implicit";
  /** When set, mail is taken only from a client that has logged in. */
  readonly password?: string;
};

export async function startSmtpStandIn(options: SmtpStandInOptions): Promise<SmtpStandIn> {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const credentials = { key: testCertificateKey, cert: testCertificate };

  function converse(socket: Socket, wasEncrypted: boolean, greet: boolean): void {
    let unread = "";
    let mail: ReceivedMail | null = null;
    let isReadingMail = false;
    let user: string | null = null;
    const say = (line: string) => socket.write(`${line}\r\n`);

    function onLine(line: string): void {
      const verb = line.slice(0, 4).toUpperCase();
      const address = /<([^>]*)>/.exec(line)?.[1] ?? "";
      switch (verb) {
        case "EHLO":
          say("250-stand-in");
          if (options.tls === "starttls" && !wasEncrypted) say("250-STARTTLS");
          if (options.password !== undefined) say("250-AUTH PLAIN");
          say("250 8BITMIME");
          return;
        case "STAR": {
          if (options.tls !== "starttls") return void say("502 5.5.1 not here");
          say("220 go ahead");
          socket.removeAllListeners("data");
          const secure = new TLSSocket(socket, { isServer: true, ...credentials });
          secure.on("error", () => {});
          converse(secure, true, false);
          return;
        }
        case "AUTH": {
          const [, name, password] = Buffer.from(line.split(" ")[2] ?? "", "base64")
            .toString()
            .split("\u0000");
          if (password !== options.password) return void say("535 5.7.8 no such user");
          user = name ?? null;
          say("235 welcome");
          return;
        }
        case "MAIL":
          if (options.password !== undefined && user === null) return void say("530 5.7.0 log in first");
          mail = { from: address, to: [], text: "", wasEncrypted, user };
          say(address.startsWith("stranger@") ? "550 5.7.1 not your address" : "250 ok");
          return;
        case "RCPT": {
          const who = address.split("@")[0];
          if (who === "silent") return;
          if (who === "cut") return void socket.destroy();
          if (who === "nobody") return void say("550 5.1.1 no such mailbox");
          if (who === "later") return void say("450 4.2.0 come again later");
          mail?.to.push(address);
          say("250 ok");
          return;
        }
        case "DATA":
          isReadingMail = true;
          say("354 go ahead");
          return;
        case "QUIT":
          say("221 bye");
          socket.end();
          return;
        default:
          say("250 ok");
      }
    }

    socket.on("data", (chunk: Buffer) => {
      unread += chunk.toString();
      for (;;) {
        const end = isReadingMail ? unread.indexOf("\r\n.\r\n") : unread.indexOf("\r\n");
        if (end < 0) return;
        const text = unread.slice(0, end);
        unread = unread.slice(end + (isReadingMail ? 5 : 2));
        if (!isReadingMail) {
          onLine(text);
          continue;
        }
        isReadingMail = false;
        if (mail === null) continue;
        if (mail.to.some((to) => to.startsWith("spam@"))) say("554 5.7.1 not wanted");
        else {
          mails.push({ ...mail, text: text.replace(/^\.\./gm, ".") });
          say("250 taken");
        }
      }
    });
    socket.on("error", () => {});
    if (greet) say("220 stand-in ready");
  }

  const take = (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    converse(socket, options.tls === "implicit", true);
  };
  const server = options.tls === "implicit" ? createTlsServer(credentials, take) : createServer(take);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    mails,
    connections: () => connections,
    hangUp,
    async stop() {
      hangUp();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
