import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import express, { type Router } from 'express';
import { requestState } from './request-state.ts';
import { REST_PREFIX } from './rest.ts';
import { DOCS_POLICY } from './security-headers.ts';

const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];
const ASSET_MAX_AGE_SECONDS = 3600;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>FinVerse API</title>
<link rel="icon" href="${REST_PREFIX}/docs/favicon-32x32.png">
<link rel="stylesheet" href="${REST_PREFIX}/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${REST_PREFIX}/docs/swagger-ui-bundle.js"></script>
<script src="${REST_PREFIX}/docs/start.js"></script>
</body>
</html>
`;

/** `validatorUrl: null` keeps Swagger UI from asking a validator on the internet. */
const START_SCRIPT = `SwaggerUIBundle({ url: '${REST_PREFIX}/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });\n`;

/** The documentation page at /docs, all of it from this server. To be mounted at {@link REST_PREFIX}. */
export function serveDocs(): Router {
  // Importing the package would run the whole of Swagger UI in this process; only its files are wanted.
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('swagger-ui-dist/package.json'));
  const docs = express.Router();
  docs.use('/docs', (request, response, next) => {
    requestState(request).route = `${REST_PREFIX}/docs`;
    response.setHeader('Content-Security-Policy', DOCS_POLICY);
    next();
  });
  docs.get('/docs', (_request, response) => void response.type('html').send(PAGE));
  docs.get('/docs/start.js', (_request, response) => void response.type('js').send(START_SCRIPT));
  for (const asset of ASSETS) {
    docs.get(`/docs/${asset}`, (_request, response) => {
      response.setHeader('Cache-Control', `public, max-age=${ASSET_MAX_AGE_SECONDS}`);
      response.sendFile(asset, { root: folder, cacheControl: false });
    });
  }
  return docs;
}
