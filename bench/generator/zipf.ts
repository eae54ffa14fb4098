/** Which SKU or page each request asks for: drawn beforehand, so that a request costs one look into an array. */

/** Places from 0 to count-1; place n comes 1/(n+1) as often as place 0. The same sequence every time. */
export function zipfSequence(count: number, length = 65_536): Uint32Array {
  const sequence = new Uint32Array(length);
  if (count === 1) return sequence;
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let place = 0; place < count; place++) {
    sum += 1 / (place + 1);
    cumulative[place] = sum;
  }
  let seed = 20_261_127;
  for (let at = 0; at < length; at++) {
    // Park and Miller's generator: a bench needs the same luck each time, not good luck.
    seed = (seed * 48_271) % 2_147_483_647;
    const wanted = (seed / 2_147_483_647) * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    sequence[at] = low;
  }
  return sequence;
}
