/** A crowd that sends what it is given, request by request, and counts the answers of the status that is right. */
import { crowd } from "./crowd.ts";
import type { SendJob, SendResult } from "./jobs.ts";

export async function send(job: SendJob, onEdge: (edge: "begin" | "end") => void): Promise<SendResult> {
  const requests = job.requests.map((text) => Buffer.from(text));
  let sent = 0;
  let right = 0;
  const otherHeads: string[] = [];
  const result = await crowd(
    job,
    {
      next() {
        if (sent === job.count) return undefined;
        sent += 1;
        return requests[(sent - 1) % requests.length];
      },
      answered({ status }, inWindow, received) {
        if (inWindow && (status === job.status || status === job.otherStatus)) right += 1;
        if (status === job.otherStatus) otherHeads.push(received.toString("latin1", 0, received.indexOf("\r\n\r\n")));
      },
    },
    onEdge,
  );
  return { ...result, right, otherHeads };
}
