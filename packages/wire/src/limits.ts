/** Limits of rules version 1. They are part of the rules, not of configuration: changing one is a new rules version. */
export const RULES_VERSION = 1;
export const FORMAT_VERSION = 1;
export const SUITE_ED25519_SHA256 = 1;
export const EVENT_BYTES_MAX = 32_768;
export const BATCH_BYTES_MAX = 524_288;
export const BATCH_EVENTS_MAX = 4096;
export const BATCH_EVENTS_DEFAULT = 256;
export const MANIFEST_BYTES_MAX = 65_535;
/** Events that an alert names; it counts the rest. */
export const ALERT_EVIDENCE_MAX = 1_000;
/** Of one alert without its framing: what the topic's records have room for. */
export const ALERT_BYTES_MAX = 524_288;
export const NAME_BYTES_MAX = 128;
/** 1970-01-01T00:00:00Z and 2200-01-01T00:00:00Z (excluded), in ms. */
export const TIME_MS_MIN = 0;
export const TIME_MS_END = 7_258_118_400_000;

const NAME = /^[A-Za-z0-9._:/@-]{1,128}$/;
/** Whether a text may be an audience, a tenant or a producer. */
export const isWireName = (text: string): boolean => NAME.test(text);
