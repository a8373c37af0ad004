// A real identity provider on this machine, for tests: panva's oidc-provider, which the OpenID Foundation certified. Of our own making are the
// page that asks who one is, and at which level, and the one that asks whether to sign out. Everything else is the library's.
// Reads one JSON object from standard input: { port, people: { login: claims }, client: { … } }; prints "ready" when it listens.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const { port, people, client } = JSON.parse(readFileSync(0, 'utf8'));
const key = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' };

// The library's own page asks another site for its letters.
function leave(ctx, form) {
  ctx.type = 'html';
  ctx.body = `<title>Sign out</title>${form}<button type="submit" form="op.logoutForm" value="yes" name="logout">Yes, sign me out</button>`;
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client],
  jwks: { keys: [key] },
  cookies: { keys: ['for tests only'] },
  pkce: { required: () => true },
  acrValues: ['https://www.spid.gov.it/SpidL1', 'https://www.spid.gov.it/SpidL2'],
  claims: { openid: ['sub', 'acr'], profile: ['https://attributes.eid.gov.it/fiscal_number', 'gruppi', 'codice_istat', 'email'] },
  findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // By itself it does not call addresses of this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true }, rpInitiatedLogout: { logoutSource: leave } },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const details = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = `<title>Identity</title><form method="post"><label>Who <input name="login"></label><label>Level <input name="acr"></label><button>Go on</button></form>`;
    return;
  }
  let body = '';
  for await (const part of ctx.req) body += part;
  const { login, acr } = Object.fromEntries(new URLSearchParams(body));
  if (!people[login]) {
    return provider.interactionFinished(ctx.req, ctx.res, { error: 'access_denied', error_description: 'nobody of this name' }, { mergeWithLastSubmission: false });
  }
  const grant = new provider.Grant({ accountId: login, clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  const result = { login: { accountId: login, acr }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
});

for (const event of ['server_error', 'backchannel.error']) provider.on(event, (_, error) => console.error(error));
provider.listen(port, '127.0.0.1', () => console.log('ready'));
