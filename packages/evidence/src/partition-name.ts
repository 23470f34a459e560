export const partitionName = (key: { readonly topic: string; readonly incarnation: number; readonly partition: number }): string =>
  `${key.topic}/${key.incarnation}/${key.partition}`;
