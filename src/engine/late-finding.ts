import type { JudgedLock } from "../facts/facts.ts";
import type { Finding, FindingDraft, Severity } from "./types.ts";

/** What a check returns for one finding. */
export type Draft = FindingDraft | LateDraft;

/** What ranks a finding; known before it is put into words. */
export type Head = Pick<FindingDraft, "severity" | "verdict" | "confidence" | "risk">;

/** How the findings of a check are told. */
export interface Telling {
  head(lock: JudgedLock): Head;
  /** The same head, and the rest of it. */
  tell(lock: JudgedLock): FindingDraft;
}

/** A draft about a lock that is not put into words yet. */
export class LateDraft {
  readonly lock: JudgedLock;
  readonly telling: Telling;

  constructor(lock: JudgedLock, telling: Telling) {
    this.lock = lock;
    this.telling = telling;
  }
}

/** What the engine adds to the drafts of one check. */
export interface Completion extends Pick<Finding, "checkId" | "source" | "docsUrl"> {
  id(draft: FindingDraft): string;
  fix(risk: FindingDraft["risk"]): Finding["fix"];
}

/**
 * A finding that is put into words when they are asked for. A hundred thousand told ones are as many kilobytes, and are
 * written one by one. Not to be spread: see `plainFinding`.
 */
export class LateFinding implements Finding {
  readonly severity: Severity;
  readonly #draft: LateDraft;
  readonly #completion: Completion;

  constructor(draft: LateDraft, completion: Completion, severity = draft.telling.head(draft.lock).severity) {
    this.severity = severity;
    this.#draft = draft;
    this.#completion = completion;
  }

  /** The same with another severity. */
  ranked(severity: Severity): LateFinding {
    return new LateFinding(this.#draft, this.#completion, severity);
  }

  get checkId(): string {
    return this.#completion.checkId;
  }

  get path(): string {
    return this.#draft.lock.path;
  }

  get verdict(): Finding["verdict"] {
    return this.#head().verdict;
  }

  get confidence(): Finding["confidence"] {
    return this.#head().confidence;
  }

  get fix(): Finding["fix"] {
    return this.#completion.fix(this.#head().risk);
  }

  get id(): string {
    return this.toJSON().id;
  }

  get message(): string {
    return this.toJSON().message;
  }

  get target(): Finding["target"] {
    return this.toJSON().target;
  }

  get fixHint(): Finding["fixHint"] {
    return this.toJSON().fixHint;
  }

  get evidence(): Finding["evidence"] {
    return this.toJSON().evidence;
  }

  get source(): string {
    return this.#completion.source;
  }

  get docsUrl(): string {
    return this.#completion.docsUrl;
  }

  toJSON(): Finding {
    if (lastTold?.of !== this) lastTold = { of: this, plain: this.#told() };
    return lastTold.plain;
  }

  /** All that a lock's finding has, by name: to copy what it happens to have takes several times as long. */
  #told(): Finding {
    const { lock, telling } = this.#draft;
    const draft = telling.tell(lock);
    const { checkId, source, docsUrl } = this.#completion;
    const { path, target, verdict, message, fixHint, confidence, evidence, risk } = draft;
    return {
      id: this.#completion.id(draft),
      checkId,
      path: path ?? lock.path,
      target,
      severity: this.severity,
      verdict,
      message,
      fixHint,
      confidence,
      evidence,
      source,
      docsUrl,
      fix: this.#completion.fix(risk),
    };
  }

  #head(): Head {
    return this.#draft.telling.head(this.#draft.lock);
  }
}

/** Who reads one of its texts reads the others next. */
let lastTold: { readonly of: LateFinding; readonly plain: Finding } | undefined;

/** The same as an object of its own. */
export function plainFinding(finding: Finding): Finding {
  return finding instanceof LateFinding ? finding.toJSON() : finding;
}

/** The same with another severity. */
export function ranked(finding: Finding, severity: Severity): Finding {
  return finding instanceof LateFinding ? finding.ranked(severity) : { ...finding, severity };
}
