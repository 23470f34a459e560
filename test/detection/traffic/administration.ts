import { act, DENIED } from './acts.ts';
import type { Day } from './calendar.ts';
import type { Draw } from './draw.ts';
import type { Fields, Stage } from './event.ts';
import { personSignsIn, recover } from './sign-in.ts';
import { personToken } from './tokens.ts';
import type { Person, Tenant } from './world.ts';

const ROLES = ['member', 'editor', 'viewer', 'approver', 'support', 'exporter'] as const;

/** What administrators do on a day, in tokens of their own. */
export function administer(
  stage: Stage,
  draw: Draw,
  tenant: Tenant,
  person: Person,
  day: Day,
  origin: Fields,
  [from_s, end_s]: readonly [number, number],
): void {
  const sometime = (): number => draw.between(from_s, end_s);
  const doing = (at: number, fields: Fields): void =>
    act(stage, at, personToken(draw, tenant, person, at - draw.between(5, 1_500)), origin, {
      http_method: 'POST',
      severity: 'MEDIUM',
      ...fields,
    });
  const colleague = (): string => draw.pick(tenant.people).id;

  for (let i = draw.int(1, 10); i > 0; i--)
    doing(sometime(), { action: draw.pick(['admin.users.list', 'admin.settings.read', 'admin.usage.read', 'admin.users.update']) });
  if (draw.chance(0.35))
    doing(sometime(), {
      action: draw.pick(['role.grant', 'role.revoke', 'permission.grant']),
      resource_id: colleague(),
      'attributes.role': draw.chance(0.05) ? 'tenant_admin' : draw.pick(ROLES),
    });
  // Roles that one switches on for an hour, after somebody has agreed.
  if (draw.chance(0.2)) doing(sometime(), { action: 'role.activate', resource_id: person.id, 'attributes.role': 'admin' });
  if (draw.chance(0.12)) onboard(stage, draw, tenant, sometime(), doing);
  if (draw.chance(0.06)) lostPhone(stage, draw, tenant, sometime(), doing);
  if (draw.chance(0.01)) doing(sometime(), { action: 'sso.update', resource_id: 'saml-1', 'attributes.change': 'certificate' });
  if (draw.chance(0.01)) doing(sometime(), { action: 'audit.retention.update', resource_id: 'default' });
  if (draw.chance(0.02)) doing(sometime(), { action: 'admin.settings.update', ...DENIED });
  // On call: something broke at night.
  if (draw.chance(0.02)) {
    const at = stage.midnight_s + draw.between(0, 4.5) * 3_600;
    doing(at, {
      action: draw.pick(['role.grant', 'user.create', 'permission.grant']),
      resource_id: colleague(),
      'attributes.role': 'operator',
    });
  }
  if (day.index % 7 === 0) for (let i = draw.int(0, 3); i > 0; i--) onboard(stage, draw, tenant, sometime(), doing);
}

/** A new colleague: an account, a role, and a first sign-in, often within minutes and from the same office. */
function onboard(stage: Stage, draw: Draw, tenant: Tenant, at: number, doing: (at: number, fields: Fields) => void): void {
  const account = `${tenant.name}-n${draw.hex(6)}`;
  doing(at, { action: 'user.create', resource_id: account });
  doing(at + draw.between(10, 120), {
    action: 'role.grant',
    resource_id: account,
    'attributes.role': draw.chance(0.04) ? 'tenant_admin' : draw.pick(ROLES),
  });
  if (!draw.chance(0.6)) return;
  const office = draw.pick(tenant.offices);
  const origin: Fields = {
    source_ip: office.origin_ip,
    'attributes.source_country': office.country,
    user_agent: draw.pick(tenant.people).agent,
  };
  const first_s = personSignsIn(stage, draw, at + draw.between(200, 5_000), { id: account, mfa: false }, origin, 0.15);
  if (first_s === null) return;
  const token = personToken(draw, tenant, { id: account, roles: ['member'] }, first_s);
  for (let i = 0; i < 12; i++)
    act(stage, first_s + 5 + i * draw.between(10, 60), token, origin, {
      action: `${draw.pick(tenant.resources)}.${draw.chance(0.03) ? 'export' : 'read'}`,
      resource_id: `o${draw.int(1, 9_999)}`,
    });
}

/** The helpdesk takes an old telephone off an account; its owner resets the password while at it, now and then, and goes on working. */
function lostPhone(stage: Stage, draw: Draw, tenant: Tenant, at: number, doing: (at: number, fields: Fields) => void): void {
  const owner = draw.pick(tenant.people);
  const origin: Fields = { ...owner.home, user_agent: owner.agent };
  if (draw.chance(0.3)) recover(stage, at - draw.between(60, 1_200), origin, owner.id, 'password.reset');
  doing(at, { action: 'mfa.disable', resource_id: owner.id });
  const in_s = personSignsIn(stage, draw, at + draw.between(60, 900), { id: owner.id, mfa: false }, origin, 0.1);
  if (in_s === null) return;
  const token = personToken(draw, tenant, owner, in_s);
  for (let i = 0; i < 10; i++)
    act(stage, in_s + i * draw.between(15, 90), token, origin, {
      action: `${draw.pick(tenant.resources)}.${draw.chance(0.01) ? 'export' : 'read'}`,
      resource_id: `o${draw.int(1, 9_999)}`,
    });
}
