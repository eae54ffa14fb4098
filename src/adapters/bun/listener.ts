/** What every listener of the edge is told and can do, whoever reads the wire for it. */
import type { Receiver } from "#edge/ports.ts";

export type CertificateFiles = { readonly certFile: string; readonly keyFile: string };

export type EdgeListenerOptions = {
  readonly port: number;
  readonly hostname?: string;
  /** Files in PEM; read again when they change, and by `reloadCertificates`. */
  readonly tls?: CertificateFiles;
  readonly http2: boolean;
  /** On the same port by UDP; needs tls. */
  readonly http3: boolean;
  /** Of all fields together, request line included. One value for the whole process. */
  readonly headersMaxBytes: number;
  readonly bodyMaxBytes: number;
  readonly bodyTimeoutSeconds: number;
  /** Give or take Bun's grain of four seconds; 255 is the most. Also how long the head of a request may take on a connection that has had one; 10 s on a new one. */
  readonly idleTimeoutSeconds: number;
  /** How often the certificate's files are looked at; 0: never. */
  readonly certificateWatchSeconds?: number;
  /** Told what went wrong without anybody waiting for it: a certificate that cannot be used, a handler that threw. */
  readonly onTrouble?: (message: string) => void;
};

export type EdgeListener = {
  readonly port: number;
  /** Requests that have no whole answer yet. */
  inFlight(): number;
  tunnels(): number;
  isDraining(): boolean;
  /** Answers by another receiver from now on: a new configuration. What is under way goes on with the old one. */
  setReceiver(receiver: Receiver): void;
  /** Reads the files again; new connections get the new certificate. Throws, and keeps the old one, when they do not fit. */
  reloadCertificates(): void;
  /**
   * Every answer from now on says "Connection: close". When nobody asks any more, or half of the time is over, nothing new is
   * taken; what is under way may finish until `graceMs` is over.
   */
  stop(graceMs: number): Promise<void>;
};

/** Nobody has asked for this long: those that were told to close have gone elsewhere. */
export const quietMs = 500;

/** An IPv4 client of a socket that takes both is "::ffff:192.0.2.1". */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
