/** A certificate of its own for each test, made by openssl. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) console.warn("NOT CHECKED: TLS, because there is no openssl to make certificates with.");

export type CertificateFiles = {
  readonly certFile: string;
  readonly keyFile: string;
  /** Puts another one in the place of both, as certbot does: a rename. */
  replace(commonName: string): void;
  remove(): void;
};

export function makeCertificate(commonName: string): CertificateFiles {
  const folder = mkdtempSync(join(tmpdir(), "spillway-cert-"));
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  const make = (name: string, cert: string, key: string) => {
    const made = spawnSync("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
      ...["-keyout", key, "-out", cert, "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"],
    ]);
    if (made.status !== 0) throw new Error(String(made.stderr));
  };
  make(commonName, files.certFile, files.keyFile);
  return {
    ...files,
    replace(name) {
      make(name, `${files.certFile}.new`, `${files.keyFile}.new`);
      renameSync(`${files.keyFile}.new`, files.keyFile);
      renameSync(`${files.certFile}.new`, files.certFile);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
