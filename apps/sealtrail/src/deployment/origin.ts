import type { Deployment } from '@sealtrail/data-directory';

/** Origin of a partition's operator log, which is also the name of the key that signs its checkpoints. */
export const operatorOrigin = (deployment: Pick<Deployment, 'audience' | 'incarnation'>, partition: number): string =>
  `${deployment.audience}/operator/${deployment.incarnation}/${partition}`;
