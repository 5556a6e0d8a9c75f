/**
 * The life of a simulated daemon: all its effects on the world go through `mortal`, and it can be made to die
 * at any of these calls. A dead daemon does nothing more, exactly as after SIGKILL: its code can run on, but no call of
 * it has an effect, and none returns.
 */
import { Deferred } from "../../base/async.ts";

export class Dead extends Error {}

export class Life {
  /** calls since `dieAfter` */
  calls = 0;
  dead = false;
  #dieAt = Number.POSITIVE_INFINITY;
  #when: "before" | "after" = "before";
  readonly #death = new Deferred<void>();
  /** resolves at the death */
  readonly death = this.#death.promise;
  /** the call at which it died */
  lastCall = "";

  /**
   * Dies at the `count`th call from now.
   * @param when whether that call still has its effect
   */
  dieAfter(count: number, when: "before" | "after"): Promise<void> {
    this.calls = 0;
    this.#dieAt = count;
    this.#when = when;
    return this.death;
  }

  die(): void {
    this.dead = true;
    this.#death.resolve();
  }

  /** Does one call of the daemon, if it is alive. */
  call(name: string, run: () => unknown): unknown {
    if (this.dead) return this.#nothing(name);
    this.calls += 1;
    if (this.calls !== this.#dieAt) return this.#guard(name, run());
    this.lastCall = `${this.#when} ${name}`;
    if (this.#when === "before") {
      this.die();
      return this.#nothing(name);
    }
    const result = run();
    this.die();
    if (result instanceof Promise) result.catch(() => {});
    return this.#nothing(name);
  }

  /** An answer after the death never arrives. */
  #guard(name: string, result: unknown): unknown {
    if (!(result instanceof Promise)) return result;
    const forever = new Deferred<never>().promise;
    return result.then(
      (value) => (this.dead ? forever : mortal(value, this, name)),
      (error: unknown) => (this.dead ? forever : Promise.reject(error)),
    );
  }

  #nothing(name: string): unknown {
    if (name.startsWith("store.") || name === "drivers.named") throw new Dead(name);
    return new Deferred<never>().promise;
  }
}

/** What only reads, or only decides: dying there is the same as dying at the next effective call. */
const harmless =
  /^(clock|log|paths|timings|randomBytes|randomId|after|isDiskFull|sizes|makeHostKey)\b|onNotice$|destroy$|wait$|release$|unfinished$|byId$|byName$|byDigest$/;

/** The same object, with every function in it a call of that life. */
export function mortal<T>(value: T, life: Life, name = ""): T {
  if (value === null || typeof value !== "object" || value instanceof Promise || Array.isArray(value)) return value;
  return new Proxy(value, {
    get(target, key) {
      const inner: unknown = Reflect.get(target, key, target);
      const path = name === "" ? String(key) : `${name}.${String(key)}`;
      if (typeof inner === "function") return wrapped(inner as (...args: unknown[]) => unknown, target, life, path);
      return typeof key === "string" && isPlain(inner) ? mortal(inner, life, path) : inner;
    },
  });
}

function wrapped(inner: (...args: unknown[]) => unknown, target: object, life: Life, path: string) {
  return (...args: unknown[]): unknown => {
    if (harmless.test(path)) {
      if (life.dead && path.startsWith("store.")) throw new Dead(path);
      return inner.apply(target, args);
    }
    const result = life.call(path, () => inner.apply(target, args));
    return isPlain(result) && !(result instanceof Promise) ? mortal(result, life, path) : result;
  };
}

function isPlain(value: unknown): value is object {
  return (
    value !== null &&
    typeof value === "object" &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Map) &&
    !(value instanceof Set)
  );
}
