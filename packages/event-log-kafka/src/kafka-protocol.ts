/** What of kafkajs is used: its public types leave out the group requests that its Broker has. */

/** A request that kafkajs frames, authenticates and sends, and whose answer it hands to `response`. */
export interface ProtocolCall<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  readonly response: {
    readonly decode: (raw: Buffer) => Promise<T & { readonly clientSideThrottleTime: number }>;
    readonly parse: (decoded: T) => Promise<T>;
  };
  /** ms; at least the client's own. */
  readonly requestTimeout?: number;
}

export interface Partitioned<P> {
  readonly topic: string;
  readonly partitions: readonly P[];
}

interface GroupMembership {
  readonly groupId: string;
  readonly memberId: string;
}

export interface JoinedGroup {
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}

/** One node. Every call throws what the broker answered when that is an error. */
export interface KafkaBroker {
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;
  readonly connectionPool: { send<T>(call: ProtocolCall<T>): Promise<T> };
  findGroupCoordinator(request: {
    readonly groupId: string;
    readonly coordinatorType: number;
  }): Promise<{ readonly coordinator: { readonly nodeId: number } }>;
  joinGroup(
    request: GroupMembership & {
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    },
  ): Promise<JoinedGroup>;
  syncGroup(
    request: GroupMembership & {
      readonly generationId: number;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    },
  ): Promise<{ readonly memberAssignment: Buffer }>;
  heartbeat(request: GroupMembership & { readonly groupGenerationId: number }): Promise<unknown>;
  leaveGroup(request: GroupMembership): Promise<unknown>;
  offsetCommit(
    request: GroupMembership & {
      readonly groupGenerationId: number;
      readonly topics: readonly Partitioned<{ readonly partition: number; readonly offset: string; readonly metadata: string }>[];
    },
  ): Promise<unknown>;
  offsetFetch(request: { readonly groupId: string; readonly topics: readonly Partitioned<{ readonly partition: number }>[] }): Promise<{
    readonly responses: readonly Partitioned<{ readonly partition: number; readonly offset: string; readonly metadata: string | null }>[];
  }>;
  listOffsets(request: {
    readonly replicaId: number;
    readonly isolationLevel: number;
    readonly topics: readonly Partitioned<{ readonly partition: number; readonly timestamp: number }>[];
  }): Promise<{ readonly responses: readonly Partitioned<{ readonly partition: number; readonly offset: string }>[] }>;
  describeConfigs(request: {
    readonly resources: readonly { readonly type: number; readonly name: string; readonly configNames: readonly string[] }[];
  }): Promise<{
    readonly resources: readonly { readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[] }[];
  }>;
  initProducerId(request: {
    readonly transactionTimeout: number;
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
}

/** The nodes of a cluster, and the way to each. */
export interface KafkaCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  findBroker(node: { readonly nodeId: string }): Promise<KafkaBroker>;
  readonly brokerPool: { findConnectedBroker(): Promise<KafkaBroker> };
}
