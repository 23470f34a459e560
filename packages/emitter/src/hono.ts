import { bearerToken, type Identity, type TokenVerifier } from '@sealtrail/identity';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { callerAddress, type Networks, parseNetworks } from './addresses.ts';
import type { Audit } from './audit.ts';
import type { AuditContext } from './context.ts';
import { traceIdOf } from './trace-context.ts';

/** What the middleware sets on hono's context: `c.get('audit')`, `c.get('identity')`. */
export interface AuditVariables {
  readonly audit: Audit;
  readonly identity: Identity;
}

export interface AuditMiddlewareOptions {
  readonly emitter: { readonly audit: Audit };
  /** A verifier of bearer tokens, or what else says who calls. */
  readonly identity: TokenVerifier | ((context: Context) => Identity | Promise<Identity>);
  /**
   * The tenant that the request is about; null or undefined for the emitter's own. Default: the verified token's tenant
   * claim. Take it from what the caller cannot choose: events are sealed into this tenant's log.
   */
  readonly tenant?: (context: Context, identity: Identity) => string | null | undefined;
  /** Answers 401 to a request without a good token, or 503 when the issuer's keys are out of reach. Default false. */
  readonly required?: boolean;
  /** Action of the event about a token that was refused. Default `token.verify`. */
  readonly token_action?: string;
  /** Networks of proxies whose X-Forwarded-For is believed: `10.0.0.0/8`, `::1`. None when absent. */
  readonly trusted_proxies?: readonly string[];
  /** Address of the connection's other end. Default: the socket's, as @hono/node-server gives it. */
  readonly remote_address?: (context: Context) => string | undefined;
}

const NO_PROXIES: Networks = { contains: () => false };
const UNAUTHORIZED = 401;
const UNAVAILABLE = 503;
const INTERNAL_ERROR = 500;

/**
 * Runs each request in an audit context: who (by the bearer token), from where, which method and route pattern, which
 * trace. Events logged inside carry the status that the request ends with. A token that fails is an event too: outcome
 * DENIED (ERROR when the issuer's keys cannot be fetched), token_status INVALID, its reason.
 * Throws EmitterError `invalid_option` for a proxy network that is none.
 */
export function auditMiddleware(options: AuditMiddlewareOptions): MiddlewareHandler<{ Variables: AuditVariables }> {
  const { audit } = options.emitter;
  const { identity: source, token_action = 'token.verify', remote_address = socketAddress } = options;
  const tenantOf = options.tenant ?? ((_context: Context, identity: Identity) => identity.tenant);
  const trusted = options.trusted_proxies === undefined ? NO_PROXIES : parseNetworks('trusted_proxies', options.trusted_proxies);
  const identify =
    typeof source === 'function'
      ? source
      : (context: Context): Promise<Identity> => source.verify(bearerToken(context.req.header('authorization')));

  return async (context, next) => {
    const identity = await identify(context);
    const { req } = context;
    const known: AuditContext = {
      tenant: tenantOf(context, identity) ?? null,
      actor: identity.actor,
      source_ip: callerAddress(remote_address(context), req.header('x-forwarded-for'), trusted),
      user_agent: req.header('user-agent') ?? null,
      http_method: req.method,
      http_route: routeOf(context),
      trace_id: traceIdOf(req.header('traceparent')),
    };
    return audit.request(known, async (scope) => {
      let status = INTERNAL_ERROR;
      try {
        context.set('audit', audit);
        context.set('identity', identity);
        const isRefused = options.required === true && identity.kind !== 'VERIFIED';
        if (identity.kind === 'INVALID' || isRefused) {
          const reason = identity.kind === 'INVALID' ? identity.reason : 'token_absent';
          void audit.log(token_action, { outcome: reason === 'jwks_unavailable' ? 'ERROR' : 'DENIED', reason });
        }
        if (isRefused) {
          const refusal = refuse(context, identity);
          status = refusal.status;
          return refusal;
        }
        await next();
        // hono has turned what a handler threw into a response by now.
        status = context.res.status;
        return undefined;
      } finally {
        scope.finish({ http_status: status });
      }
    });
  };
}

/** RFC 6750 3.1: no error code for a request without credentials. */
function refuse(context: Context, identity: Identity): Response {
  if (identity.kind === 'ABSENT') return context.json({ error: 'token_absent' }, UNAUTHORIZED, { 'WWW-Authenticate': 'Bearer' });
  if (identity.kind === 'INVALID' && identity.reason === 'jwks_unavailable') {
    return context.json({ error: 'temporarily_unavailable' }, UNAVAILABLE, { 'Retry-After': '5' });
  }
  return context.json({ error: 'invalid_token' }, UNAUTHORIZED, { 'WWW-Authenticate': 'Bearer error="invalid_token"' });
}

/**
 * The pattern that the request matched. Middlewares are registered for all methods and come first, catch-alls may follow:
 * the first route of the request's own method is the one that answers.
 */
function routeOf(context: Context): string | null {
  const routes = matchedRoutes(context);
  const route = routes.find(({ method }) => method !== 'ALL') ?? routes.at(-1);
  return route?.path ?? null;
}

function socketAddress(context: Context): string | undefined {
  const env = context.env as { readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress;
}
