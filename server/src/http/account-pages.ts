import { PASSWORD_LENGTH_MIN } from '@finverse/shared';
import express, { type Router } from 'express';
import { requestState } from './request-state.ts';
import { REST_PREFIX } from './rest.ts';

type Page = { title: string; call: string; done: string; password?: { field: string; label: string } };

/** Where the links in mails lead. What each page calls is decided by its script, from these. */
const PAGES: Record<string, Page> = {
  'verify-email': {
    title: 'Confirm your e-mail address',
    call: '/auth/verify-email',
    done: 'Confirmed. You can sign in now.',
  },
  'complete-registration': {
    title: 'Complete your registration',
    call: '/auth/verify-email',
    done: 'You have an account. You can sign in with your password now.',
    password: { field: 'password', label: 'Password' },
  },
  'confirm-email': {
    title: 'Confirm your new e-mail address',
    call: '/users/me/email/confirm',
    done: 'Your account has this e-mail address now.',
  },
  'reset-password': {
    title: 'Set a new password',
    call: '/auth/password-reset/confirm',
    done: 'Your password is set. You can sign in with it now.',
    password: { field: 'new_password', label: 'New password' },
  },
};

/** Nothing but the page's own style and its own script, which calls this server alone. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The code stands behind the #, which no server sees; and it is sent by a button, since scanners of mails open links. */
const SCRIPT = `const form = document.querySelector('form');
const said = document.querySelector('output');
const code = new URLSearchParams(location.hash.slice(1)).get('code') ?? '';
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const field = form.querySelector('input');
  const body = JSON.stringify({ code, ...(field ? { [field.name]: field.value } : {}) });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(form.dataset.call, { method: 'POST', headers, body });
  const { error } = await answer.json();
  said.textContent = error ? [error.message, ...error.details.map((detail) => detail.message)].join(' ') : form.dataset.done;
  if (!error) form.querySelector('button').disabled = true;
});
`;

const STYLE = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 24rem; margin: 15vh auto 2rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
label, input, button { display: block; width: 100%; box-sizing: border-box; }
input, button { margin-top: 0.25rem; padding: 0.6rem; border: 1px solid GrayText; border-radius: 0.3rem; font: inherit; }
button { margin-top: 1rem; border-color: transparent; background: #1652a1; color: #fff; cursor: pointer; }
button:disabled { opacity: 0.5; cursor: default; }
output { display: block; min-height: 3rem; margin-top: 1rem; }
`;

/** The pages at /account that the links in mails lead to, for whoever has no frontend of their own. */
export function serveAccountPages(): Router {
  const pages = express.Router();
  pages.use('/account', (request, response, next) => {
    requestState(request).route = '/account';
    response.setHeader('Content-Security-Policy', POLICY);
    next();
  });
  pages.get('/account/account.js', (_request, response) => void response.type('js').send(SCRIPT));
  pages.get('/account/account.css', (_request, response) => void response.type('css').send(STYLE));
  for (const [name, page] of Object.entries(PAGES)) {
    pages.get(`/account/${name}`, (_request, response) => void response.type('html').send(render(page)));
  }
  return pages;
}

function render({ title, call, done, password }: Page): string {
  const field = password
    ? `<p><label>${password.label} <input name="${password.field}" type="password" autocomplete="new-password" minlength="${PASSWORD_LENGTH_MIN}" maxlength="256" required></label></p>\n`
    : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>FinVerse: ${title}</title>
<link rel="stylesheet" href="/account/account.css">
</head>
<body>
<h1>${title}</h1>
<form data-call="${REST_PREFIX}${call}" data-done="${done}">
${field}<p><button>${title}</button></p>
<output></output>
</form>
<script src="/account/account.js"></script>
</body>
</html>
`;
}
