import { alertStoreConformance } from '../src/conformance.ts';
import { createMemoryAlertStore } from '../src/memory.ts';

alertStoreConformance('memory', { open: async () => createMemoryAlertStore() });
