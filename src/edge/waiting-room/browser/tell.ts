/** How somebody hears of it who does not look: a live region that speaks seldom, and a sound and a vibration for those who asked. */

/** At most one sentence in this time, but the turn at once. */
const quietMs = 20_000;

export function createTell(panel: HTMLElement) {
  const said = panel.querySelector("[data-said]");
  const box = panel.querySelector<HTMLElement>("[data-sound]");
  const wish = box?.querySelector("input");
  let sound: AudioContext | undefined;
  let saidAtMs = performance.now();
  let last = "";
  if (box != null) box.hidden = false;
  wish?.addEventListener("change", () => {
    // A browser makes sounds only of a context that a person has begun.
    if (!wish.checked) return;
    sound ??= new AudioContext();
    void sound.resume();
    beep(0.08);
  });

  function beep(volume: number): void {
    if (sound === undefined) return;
    for (const [index, pitch] of [660, 880].entries()) {
      const tone = sound.createOscillator();
      const gain = sound.createGain();
      tone.frequency.value = pitch;
      gain.gain.value = volume;
      const from = sound.currentTime + index * 0.22;
      gain.gain.setTargetAtTime(0, from + 0.12, 0.04);
      tone.connect(gain).connect(sound.destination);
      tone.start(from);
      tone.stop(from + 0.4);
    }
  }

  return {
    say(words: string, isUrgent: boolean): void {
      const nowMs = performance.now();
      if (said === null || words === last || (!isUrgent && nowMs - saidAtMs < quietMs)) return;
      saidAtMs = nowMs;
      last = words;
      said.textContent = words;
    },
    ring(): void {
      if (wish?.checked !== true) return;
      beep(0.25);
      navigator.vibrate?.([200, 100, 200]);
    },
  };
}
