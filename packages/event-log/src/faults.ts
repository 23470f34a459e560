export * from './fault-plan.ts';
