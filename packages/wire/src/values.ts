/** The records of docs/spec as values. Field names are the Avro names, which are also the column names. */

export type ActorType = 'USER' | 'SERVICE' | 'SYSTEM' | 'ANONYMOUS';
export type TokenStatus = 'VERIFIED' | 'INVALID' | 'ABSENT';
export type Outcome = 'SUCCESS' | 'FAILURE' | 'DENIED' | 'ERROR';
export type Severity = 'INFORMATIONAL' | 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';
export type Delivery = 'ROUTINE' | 'CRITICAL';
export type BatchKind = 'DATA' | 'HEARTBEAT' | 'CLOSE';

export interface Delegate {
  readonly issuer: string | null;
  readonly subject: string;
}
export interface Target {
  readonly type: string;
  readonly id: string;
}

/** The actor section without its salt. Times in ms since 1970; hashes of 32 bytes; `source_ip` of 16 bytes. */
export interface ActorSection {
  readonly actor_type: ActorType;
  readonly actor_id: string;
  readonly actor_issuer: string | null;
  readonly actor_client_id: string | null;
  readonly actor_roles: readonly string[];
  readonly actor_scopes: readonly string[];
  readonly actor_chain: readonly Delegate[];
  readonly token_status: TokenStatus;
  readonly token_id_hash: Uint8Array | null;
  readonly session_id_hash: Uint8Array | null;
  readonly token_key_id: string | null;
  readonly token_algorithm: string | null;
  readonly token_issued_at: number | null;
  readonly token_expires_at: number | null;
  readonly source_ip: Uint8Array | null;
  readonly user_agent: string | null;
}

/** The object section without its salt. */
export interface ObjectSection {
  readonly resource_id: string;
  readonly related: readonly Target[];
  /** In any order: the encoder sorts by the keys' bytes. */
  readonly attributes: ReadonlyMap<string, string>;
}

/** The rest of an event. `occurred_at` in µs since 1970; ids of 16 bytes. */
export interface RestSection {
  readonly event_id: Uint8Array;
  readonly occurred_at: number;
  readonly action: string;
  readonly resource_type: string;
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly severity: Severity;
  readonly http_method: string | null;
  readonly http_route: string | null;
  readonly http_status: number | null;
  readonly trace_id: Uint8Array | null;
  readonly redactions: number;
  readonly personal: readonly Uint8Array[];
}

export interface AuditEvent extends ActorSection, ObjectSection, RestSection {
  readonly actor_salt: Uint8Array;
  readonly object_salt: Uint8Array;
}

export interface PredecessorInstance {
  readonly instance: Uint8Array;
  readonly routine: number;
  readonly critical: number;
}

export interface BatchHeader {
  readonly version: number;
  readonly suite: number;
  readonly audience: string;
  readonly tenant: string;
  readonly producer: string;
  readonly key_id: Uint8Array;
  readonly instance: Uint8Array;
  readonly started_at: number;
  readonly delivery: Delivery;
  readonly sequence: number;
  readonly kind: BatchKind;
  readonly shed: number;
  readonly predecessor: PredecessorInstance | null;
  readonly event_schema: Uint8Array;
  readonly count: number;
  readonly root: Uint8Array;
  readonly confidential_digest: Uint8Array | null;
}

export interface PredecessorLog {
  readonly log: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
}

export interface LogIdentity {
  readonly audience: string;
  readonly tenant: string;
  readonly topic: string;
  readonly incarnation: number;
  readonly partition: number;
  readonly predecessor: PredecessorLog | null;
}

export interface BatchManifest {
  readonly version: number;
  readonly log: Uint8Array;
  readonly predecessor: PredecessorLog | null;
  readonly position: number;
  readonly previous: Uint8Array;
  readonly first_entry: number;
  readonly topic: string;
  readonly incarnation: number;
  readonly partition: number;
  readonly offset: number;
  readonly recorded_at: number;
  readonly registry_size: number;
  readonly header: BatchHeader;
  readonly signature: Uint8Array;
}

export interface LogHead {
  readonly log: Uint8Array;
  readonly size: number;
  readonly entries: number;
  readonly last: Uint8Array;
  readonly root: Uint8Array;
}

export interface Rejection {
  readonly offset: number;
  readonly reason: RejectReason;
  readonly length: number;
  readonly digest: Uint8Array;
}

export interface Duplicate {
  readonly offset: number;
  readonly header_hash: Uint8Array;
  readonly digest: Uint8Array;
}

export interface Round {
  readonly version: number;
  readonly topic: string;
  readonly incarnation: number;
  readonly partition: number;
  readonly index: number;
  readonly from: number;
  readonly to: number;
  readonly recorded_at: number;
  readonly record_hash: Uint8Array;
  readonly heads: number;
  readonly heads_root: Uint8Array;
  readonly rejected: number;
  readonly rejected_root: Uint8Array;
  readonly duplicates: number;
  readonly duplicates_root: Uint8Array;
  readonly registry_size: number;
  readonly registry_root: Uint8Array;
  readonly rules_version: number;
  readonly previous: Uint8Array;
}

/** A section of the event is its bytes, or null with its digest beside it once it was erased. docs/spec/proof.md */
export interface EntryProof {
  readonly version: number;
  readonly actor: Uint8Array | null;
  readonly actor_digest: Uint8Array | null;
  readonly object: Uint8Array | null;
  readonly object_digest: Uint8Array | null;
  readonly rest: Uint8Array;
  readonly batch_index: number;
  readonly batch_path: readonly Uint8Array[];
  readonly manifest: Uint8Array;
  readonly log_predecessor: PredecessorLog | null;
  readonly log_path: readonly Uint8Array[];
  readonly head: Uint8Array;
  readonly head_index: number;
  readonly heads_path: readonly Uint8Array[];
  readonly round: Uint8Array;
  readonly public_key: Uint8Array;
}

/** Where an event that an alert rests on stands. docs/spec/alert.md */
export interface AlertEvidence {
  readonly event_id: Uint8Array;
  readonly topic: string;
  readonly incarnation: number;
  readonly partition: number;
  readonly offset: number;
  /** Number of the event in its batch. */
  readonly index: number;
  readonly leaf_hash: Uint8Array;
}

/** An alert as it leaves detection. Ids of 16 bytes, hashes of 32. docs/spec/alert.md */
export interface AlertRecord {
  readonly id: Uint8Array;
  readonly rule_id: string;
  readonly rule_version: Uint8Array;
  readonly rule_title: string;
  readonly level: Severity;
  readonly tags: readonly string[];
  readonly tenant: string;
  /** Group-by field → value. In any order: the encoder sorts by the keys' bytes. */
  readonly group: ReadonlyMap<string, string>;
  /** µs since 1970, by the emitter's clock. */
  readonly first_seen: number;
  readonly last_seen: number;
  /** ms since 1970: LogAppendTime of the record with the anchor event. */
  readonly raised_at: number;
  readonly anchor_event_id: Uint8Array;
  readonly value: number | null;
  readonly late: boolean;
  readonly events_count: number;
  /** Oldest first, at most ALERT_EVIDENCE_MAX. */
  readonly evidence: readonly AlertEvidence[];
}

export type KeyRecordKind = 'REGISTER' | 'REVOKE' | 'LEDGER';

export interface KeyRecord {
  readonly version: number;
  readonly kind: KeyRecordKind;
  readonly key_id: Uint8Array;
  readonly suite: number;
  readonly public_key: Uint8Array;
  readonly producer: string;
  readonly tenants: readonly string[];
  readonly valid_from: number;
  readonly valid_until: number | null;
  readonly suspect_since: number | null;
}

/** Why a record was not sealed. A closed set: a new one is a new rules version. */
export type RejectReason =
  | 'malformed'
  | 'not_canonical'
  | 'unknown_schema'
  | 'unknown_key'
  | 'key_not_valid'
  | 'signature_invalid'
  | 'root_mismatch'
  | 'wrong_audience'
  | 'tenant_not_allowed'
  | 'wrong_partition'
  | 'too_large'
  | 'sequence_conflict'
  | 'time_type'
  | 'not_supported';
