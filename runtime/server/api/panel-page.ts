/**
 * The panel's page and its files, for everybody: they hold no data. What the page shows it asks the API for, with the token of whoever is logged in.
 */
import type { IRouter, Response } from 'express';
import { Assets, pageFolder, type Asset } from '../../web-assets.ts';

/** Frames: a channel's player, on another port of this machine or at whatever address its stream is bound to. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src http: https:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

function send(response: Response, asset: Asset): void {
  response.set({
    'Content-Type': asset.type,
    'Cache-Control': 'no-cache',
    ETag: asset.etag,
    'X-Content-Type-Options': 'nosniff',
  });
  response.send(asset.body);
}

export function registerPanel(router: IRouter): void {
  const assets = new Assets(pageFolder('panel'));

  router.get('/bulkhead', (request, response, next) => {
    if (request.path === '/bulkhead') response.redirect(`${request.baseUrl}/bulkhead/`);
    else next();
  });
  router.get('/bulkhead/', (_request, response, next) => {
    const page = assets.read('index.html');
    if (!page) return next();
    response.set({ 'Content-Security-Policy': POLICY, 'Referrer-Policy': 'same-origin' });
    send(response, page);
  });
  router.get('/bulkhead/panel/:file', (request, response, next) => {
    const asset = assets.read(request.params['file']);
    if (asset) send(response, asset);
    else next();
  });
}
