/** What a browser signs to show that it has the key that its place is bound to. `at`: `issuedAtMs` of the document that it saw last. */
export const signedText = (purpose: string, room: string, epoch: number, seq: number, at: string): string =>
  `spillway ${purpose} ${room} ${epoch} ${seq} ${at}`;
