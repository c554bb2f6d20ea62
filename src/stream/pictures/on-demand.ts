/** Whether something that costs memory should be made: always, or for some time after a request for it. Pure. */
export class OnDemand {
  readonly #always: boolean;
  readonly #lastsSeconds: number;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly always: boolean; readonly lastsSeconds: number }) {
    this.#always = options.always;
    this.#lastsSeconds = options.lastsSeconds;
  }

  /** `now`: steady time, here and below. */
  ask(now: number): void {
    this.#askedAt = now;
  }

  lasts(now: number): boolean {
    return this.#always || now - this.#askedAt < this.#lastsSeconds * 1000;
  }
}
