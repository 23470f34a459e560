/**
 * Slack's Block Kit (docs.slack.dev/reference/block-kit): at most 50 blocks a message, 3,000 characters a section's text,
 * 150 a header's. `&`, `<` and `>` are the only characters that are escaped; `verbatim` keeps names and links from being made.
 */
import type { Message } from '../message.ts';
import { cut } from './text.ts';
import { type AlertView, type Disclosure, fitted, type GroupView, type MessageView, messageView, summaryOf } from './view.ts';

export const SLACK_BLOCKS_MAX = 50;
export const SLACK_SECTION_CHARACTERS_MAX = 3_000;
export const SLACK_HEADER_CHARACTERS_MAX = 150;
const TEXT_CHARACTERS_MAX = 300;
const SLACK_BYTES_MAX = 131_072;

export const escapeSlack = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Escaped, and at most so many characters then: no entity is cut. */
function escapedWithin(text: string, charactersMax: number): string {
  let shorter = text;
  while (escapeSlack(shorter).length > charactersMax) shorter = cut(shorter, Math.max(1, shorter.length - 1));
  return escapeSlack(shorter);
}

/** As code, so that nothing in it is formatting. */
const code = (text: string): string => `\`${escapeSlack(text.replaceAll('`', "'"))}\``;

type Block =
  | { readonly type: 'header'; readonly text: { readonly type: 'plain_text'; readonly text: string; readonly emoji: false } }
  | { readonly type: 'section'; readonly text: { readonly type: 'mrkdwn'; readonly text: string; readonly verbatim: true } };

/** As many whole lines as a section has room for; the last says how many it has none for. */
function section(lines: readonly string[]): Block {
  const more = (left: number): string => `… and ${left} more lines`;
  let text = '';
  for (const [i, line] of lines.entries()) {
    const next = text === '' ? line : `${text}\n${line}`;
    const isLast = i === lines.length - 1;
    if (next.length + (isLast ? 0 : more(lines.length).length + 1) > SLACK_SECTION_CHARACTERS_MAX) {
      text += `\n${more(lines.length - i)}`;
      break;
    }
    text = next;
  }
  return { type: 'section', text: { type: 'mrkdwn', text, verbatim: true } };
}

const VALUE_CHARACTERS_MAX = 60;
const alertLine = ({ id, group, last_seen, events_count }: AlertView): string => {
  const fields = Object.entries(group)
    .slice(0, 5)
    .map(([name, value]) => `${code(cut(name, VALUE_CHARACTERS_MAX))} ${code(cut(value, VALUE_CHARACTERS_MAX))}`);
  return [`• ${last_seen.slice(0, 19)}Z`, ...fields, `${events_count} events`, `alert ${code(id)}`].join('  ');
};

function groupBlock({ title, level, labels, count, listed, first_seen, last_seen, alerts }: GroupView): Block {
  const about = Object.entries(labels).map(
    ([name, value]) => `${code(cut(name, VALUE_CHARACTERS_MAX))} ${code(cut(value, VALUE_CHARACTERS_MAX))}`,
  );
  return section([
    `*${level.toUpperCase()}*  ${code(title)}`,
    `${count === 1 ? '1 alert' : `${count} alerts`} from ${first_seen.slice(0, 19)}Z to ${last_seen.slice(0, 19)}Z`,
    ...(about.length === 0 ? [] : [about.slice(0, 8).join('  ')]),
    ...alerts.map(alertLine),
    ...(count > listed ? [`… and ${count - listed} more alerts of this group`] : []),
  ]);
}

function blocksOf(view: MessageView): readonly Block[] {
  const shown = view.groups.slice(0, SLACK_BLOCKS_MAX - 2);
  const left = view.groups_count - shown.length;
  return [
    {
      type: 'header',
      text: {
        type: 'plain_text',
        text: escapedWithin(summaryOf(view, SLACK_HEADER_CHARACTERS_MAX), SLACK_HEADER_CHARACTERS_MAX),
        emoji: false,
      },
    },
    ...shown.map(groupBlock),
    ...(left > 0 ? [section([`… and ${left} more groups`])] : []),
  ];
}

/** The body of an incoming webhook. */
export const slackBody = (message: Message, disclosure: Disclosure): string =>
  fitted(message, SLACK_BYTES_MAX, (fit) => {
    const view = messageView(fit, disclosure);
    return { text: escapeSlack(summaryOf(view, TEXT_CHARACTERS_MAX)), unfurl_links: false, unfurl_media: false, blocks: blocksOf(view) };
  });
