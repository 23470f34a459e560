import { formatTlogProof, parseTlogProof } from '@sealtrail/merkle';
import {
  type AuditEvent,
  type BatchManifest,
  type EntryProof,
  type EventSchema,
  encodeHeader,
  entryProofCodec,
  FORMAT_VERSION,
  headCodec,
  knownEventSchemas,
  type LogHead,
  manifestCodec,
  type Round,
  roundCodec,
  SUITE_ED25519_SHA256,
  WireError,
} from '@sealtrail/wire';
import { type ErasableSection, erasedSection, sectionEnds } from './sections.ts';

/** A file above this is no proof: the largest event, manifest and paths stay well below it in base64. */
export const PROOF_BYTES_MAX = 262_144;

/** Why a file is not read as a proof. docs/spec/proof.md */
export type ProofRefusal =
  | 'proof_too_large'
  /** Not a C2SP tlog-proof@v1 in its one form, or without its extra line. */
  | 'proof_malformed'
  /** The extra line is not the canonical encoding of an entry proof. */
  | 'entry_malformed'
  /** A version or suite that this build does not know. */
  | 'not_supported'
  | 'event_schema_unknown'
  | 'event_malformed'
  | 'manifest_malformed'
  | 'head_malformed'
  | 'round_malformed';

/** What a proof file holds. `entry` is the extra line's record; the rest is the tlog-proof around it. */
export interface ProofContent {
  readonly entry: EntryProof;
  /** Index of the round in the operator log. */
  readonly index: number;
  /** Inclusion path of the round in the operator log; the leaf's sibling first. */
  readonly path: readonly Uint8Array[];
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string;
}

/** A proof file read: every record decoded, nothing verified. */
export interface ParsedProof extends ProofContent {
  readonly kind: 'proof';
  readonly manifest: BatchManifest;
  readonly header_bytes: Uint8Array;
  readonly head: LogHead;
  readonly round: Round;
  readonly schema: EventSchema;
  /** Erased sections stand at their defaults. */
  readonly event: AuditEvent;
  readonly erased: readonly ErasableSection[];
}

export interface RefusedProof {
  readonly kind: 'refused';
  readonly code: ProofRefusal;
  readonly detail: string;
}

/** The file's text. Throws WireError `not_encodable`. */
export function formatProof(content: ProofContent): string {
  const { entry, index, path, checkpoint } = content;
  return formatTlogProof({ extra: entryProofCodec().encode(entry), index, path, checkpoint });
}

/** Reads a file in its one form: `formatProof` of what it gives is the file again. Never throws. */
export function parseProof(file: Uint8Array, schemas: readonly EventSchema[] = knownEventSchemas()): ParsedProof | RefusedProof {
  try {
    return parse(file, schemas);
  } catch (thrown) {
    if (thrown instanceof Refused) return { kind: 'refused', code: thrown.code, detail: thrown.detail };
    throw thrown;
  }
}

/** Unwinds the parser; not an Error: it never leaves this file. */
class Refused {
  readonly code: ProofRefusal;
  readonly detail: string;
  constructor(code: ProofRefusal, detail: string) {
    this.code = code;
    this.detail = detail;
  }
}

function parse(file: Uint8Array, schemas: readonly EventSchema[]): ParsedProof {
  if (file.length > PROOF_BYTES_MAX) throw new Refused('proof_too_large', `a file of ${file.length} bytes; ${PROOF_BYTES_MAX} are allowed`);
  const outer = parseTlogProof(textOf(file));
  if (outer === null || outer.extra === null) throw new Refused('proof_malformed', 'not a tlog-proof@v1 with an extra line');
  const { index, path, checkpoint } = outer;
  const entry = decoded('entry_malformed', outer.extra, entryProofCodec().decode);
  const wanted = (name: string, version: number): void => {
    if (version !== FORMAT_VERSION) throw new Refused('not_supported', `${name} format ${version}; this build reads ${FORMAT_VERSION}`);
  };
  wanted('proof', entry.version);
  const manifest = decoded('manifest_malformed', entry.manifest, manifestCodec().decode);
  wanted('manifest', manifest.version);
  const { header } = manifest;
  wanted('batch', header.version);
  if (header.suite !== SUITE_ED25519_SHA256) throw new Refused('not_supported', `suite ${header.suite}`);
  if (header.confidential_digest !== null) throw new Refused('not_supported', 'a batch with a confidential section');
  const headerBytes = decoded('manifest_malformed', header, encodeHeader);
  const head = decoded('head_malformed', entry.head, headCodec().decode);
  const round = decoded('round_malformed', entry.round, roundCodec().decode);
  wanted('round', round.version);
  const schema = schemas.find((known) => known.sha256.every((byte, i) => byte === header.event_schema[i]));
  if (schema === undefined)
    throw new Refused('event_schema_unknown', 'the event is of a schema that this build does not know; use a newer one');
  const { event, erased } = eventOf(entry, schema);
  return { kind: 'proof', entry, index, path, checkpoint, manifest, header_bytes: headerBytes, head, round, schema, event, erased };
}

function textOf(file: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file);
  } catch {
    throw new Refused('proof_malformed', 'the file is not UTF-8');
  }
}

function decoded<From, To>(code: ProofRefusal, from: From, decode: (from: From) => To): To {
  try {
    return decode(from);
  } catch (error) {
    if (error instanceof WireError) throw new Refused(code, error.message);
    throw error;
  }
}

/** The event from its sections, with defaults where a digest stands for one. */
function eventOf(entry: EntryProof, schema: EventSchema): { readonly event: AuditEvent; readonly erased: readonly ErasableSection[] } {
  if ((entry.actor === null) === (entry.actor_digest === null) || (entry.object === null) === (entry.object_digest === null)) {
    throw new Refused('entry_malformed', 'each section is given either by its bytes or by its digest');
  }
  const actor = entry.actor ?? erasedSection(schema, 'actor');
  const object = entry.object ?? erasedSection(schema, 'object');
  const bytes = new Uint8Array(actor.length + object.length + entry.rest.length);
  bytes.set(actor);
  bytes.set(object, actor.length);
  bytes.set(entry.rest, actor.length + object.length);
  const ends = sectionEnds(schema, bytes);
  if (ends === null || ends[0] !== actor.length || ends[1] !== actor.length + object.length) {
    throw new Refused('event_malformed', 'the sections are not the canonical encoding of an event');
  }
  const erased: ErasableSection[] = [];
  if (entry.actor === null) erased.push('actor');
  if (entry.object === null) erased.push('object');
  return { event: decoded('event_malformed', bytes, (all) => schema.decode(all, 0, all.length)), erased };
}
