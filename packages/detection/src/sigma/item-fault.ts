import type { DetectionErrorCode } from '../errors.ts';

/** Why one line of a selection was refused; whoever reads the document adds file, line and id. */
export class ItemFault extends Error {
  readonly code: DetectionErrorCode;
  constructor(code: DetectionErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ItemFault';
    this.code = code;
  }
}
