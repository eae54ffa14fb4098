/**
 * How long people wait before c counters (M/M/c): what a measured queue is held against, and how a head count becomes a
 * waiting time. Loads are in Erlang: arrivals per second times seconds of service.
 *
 * Source: A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic telephone
 * exchanges" (1917); the recursion over Erlang B is the one that neither overflows nor cancels.
 */

/** Share of arrivals that have to wait (0 to 1); 1 where the load is more than the servers can ever serve. */
export function erlangC(servers: number, load: number): number {
  if (!Number.isInteger(servers) || servers < 1 || !(load >= 0))
    throw new RangeError(
      `Erlang C wants a whole number of servers and a load that is not negative, not ${servers} and ${load}`,
    );
  if (load >= servers) return 1;
  let blocked = 1;
  for (let server = 1; server <= servers; server += 1) blocked = (load * blocked) / (server + load * blocked);
  return (servers * blocked) / (servers - load * (1 - blocked));
}

/** The mean wait before service, in service times; without end where the load is too much. */
export function erlangWait(servers: number, load: number): number {
  return load >= servers ? Number.POSITIVE_INFINITY : erlangC(servers, load) / (servers - load);
}
