/**
 * The files of a page: the player's on a channel's port, the panel's beside the API. Only names that were found in its folder at the start are served, so
 * that no path ever reaches the file system.
 *
 * Built, the folder holds JavaScript. Run from sources, it holds TypeScript: types are then stripped as the files are asked for, so that a
 * change shows with the next reload and no build is needed.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';

export type Asset = { readonly type: string; readonly etag: string; readonly body: Buffer };

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** `dist/ui/<name>` when built, `ui/<name>` in the sources. */
export function pageFolder(name: 'player' | 'panel'): string {
  return path.resolve(import.meta.dirname, '../ui', name);
}

export class Assets {
  readonly #folder: string;
  readonly #names: ReadonlySet<string>;

  constructor(folder: string) {
    this.#folder = folder;
    this.#names = new Set(readdirSync(folder).filter((name) => path.extname(name) in TYPES));
  }

  /** Reads a file by its bare name; `undefined` if there is none of this name. */
  read(name: string): Asset | undefined {
    // Pages name what the build makes; in the sources it is there as TypeScript.
    const source = name.replace(/\.js$/, '.ts');
    const found = [name, source].find((candidate) => this.#names.has(candidate));
    const type = found === undefined ? undefined : TYPES[path.extname(found)];
    if (found === undefined || type === undefined) return undefined;
    const bytes = readFileSync(path.join(this.#folder, found));
    const body = found.endsWith('.ts') ? Buffer.from(stripTypeScriptTypes(bytes.toString())) : bytes;
    return { type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`, body };
  }
}
