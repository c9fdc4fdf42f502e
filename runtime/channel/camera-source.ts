/**
 * From what a person typed into a camera node to what a capture daemon is told: the URL put together from device, brand and path, and the credentials taken out
 * of it. Pure; nothing is opened here.
 */
import path from 'node:path';
import { BulkheadError } from '../errors.ts';
import type { Brand, CameraSettings, DeviceSettings } from '../config.ts';
import type { SourceConfig } from '../message/config.ts';
import { Secret } from '../secret.ts';

export type Credentials = { readonly username?: string | undefined; readonly password?: string | undefined };

export type Device = {
  readonly settings: Pick<DeviceSettings, 'address' | 'brand'>;
  readonly credentials: Credentials;
};

type CameraSource = {
  readonly source: SourceConfig;
  /** The URL holds a password: it is in the flow for everybody to read, and somebody should be told. */
  readonly passwordInUrl: boolean;
};

/** Where each brand serves its main stream. A camera's own URL always wins. */
const MAIN_STREAM: Readonly<Record<Brand, string>> = {
  generic: '/',
  axis: '/axis-media/media.amp',
  dahua: '/cam/realmonitor?channel=1&subtype=0',
  foscam: '/videoMain',
  hanwha: '/profile2/media.smp',
  hikvision: '/Streaming/Channels/101',
  reolink: '/h264Preview_01_main',
  tapo: '/stream1',
  vivotek: '/live.sdp',
};

const SCHEMES: Readonly<Record<'rtsp' | 'http', readonly string[]>> = {
  rtsp: ['rtsp:', 'rtsps:'],
  http: ['http:', 'https:'],
};

/** Credentials of the camera win over those in its URL, and those over the device's. A user name and a password stay together. */
function pickCredentials(...candidates: readonly Credentials[]): { username?: string; password?: Secret } {
  const found = candidates.find(({ username, password }) => (username ?? '') !== '' || (password ?? '') !== '');
  if (!found) return {};
  return {
    username: found.username ?? '',
    ...(found.password ? { password: new Secret(found.password) } : {}),
  };
}

/** Decodes what a URL escapes; a password may hold a percent sign that nobody escaped. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function addressUrl(kind: 'rtsp' | 'http', settings: Pick<CameraSettings, 'url'>, device: Device | undefined): URL {
  const { url } = settings;
  const absolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(url);
  if (!absolute && !device) {
    throw new BulkheadError(
      'invalid',
      url === ''
        ? 'The camera has no address: enter its URL, or choose a device.'
        : `The URL of the camera has no address: enter a full one such as ${kind}://192.168.1.20/stream, or choose a device.`,
    );
  }
  if (!absolute && /^[^/?]*@/.test(url)) {
    throw new BulkheadError('invalid', `The URL of the camera must begin with ${kind}://.`);
  }
  const relative = url === '' && device ? MAIN_STREAM[device.settings.brand] : url;
  const text = absolute
    ? url
    : `${kind}://${device?.settings.address}${relative.startsWith('/') ? '' : '/'}${relative}`;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  // The text may hold a password: do not repeat it.
  if (!parsed || parsed.hostname === '') {
    throw new BulkheadError(
      'invalid',
      absolute
        ? `The URL of the camera is not valid: it must look like ${kind}://192.168.1.20:554/stream.`
        : 'The address of the device is not valid: it must be a host name or an IP address, with a port if need be.',
    );
  }
  if (!SCHEMES[kind].includes(parsed.protocol)) {
    throw new BulkheadError(
      'invalid',
      `The source is set to ${kind.toUpperCase()}, but the URL begins with ${parsed.protocol}//. Choose another source, or correct the URL.`,
    );
  }
  return parsed;
}

/**
 * What a capture daemon is to open. `home` is the folder that a relative file path starts from. Throws `invalid` and `unsupported`; no message holds a
 * password.
 */
export function cameraSource(
  settings: Pick<CameraSettings, 'source' | 'url' | 'transport'>,
  credentials: Credentials,
  device: Device | undefined,
  home: string,
): CameraSource {
  switch (settings.source) {
    case 'test':
      return { source: { type: 'test' }, passwordInUrl: false };
    case 'file': {
      if (settings.url === '')
        throw new BulkheadError('invalid', 'The camera has no file: enter the path of a video file.');
      return { source: { type: 'file', path: path.resolve(home, settings.url) }, passwordInUrl: false };
    }
    case 'usb':
    case 'onvif':
      throw new BulkheadError(
        'unsupported',
        `Sources of the kind "${settings.source}" are not available yet. Choose RTSP, HTTP, a file or the test camera.`,
      );
    case 'rtsp':
    case 'http': {
      const url = addressUrl(settings.source, settings, device);
      const inUrl: Credentials = { username: decode(url.username), password: decode(url.password) };
      const passwordInUrl = url.password !== '';
      url.username = '';
      url.password = '';
      const login = pickCredentials(credentials, inUrl, device?.credentials ?? {});
      return {
        source:
          settings.source === 'rtsp'
            ? { type: 'rtsp', url: url.href, transport: settings.transport, ...login }
            : { type: 'http', url: url.href, ...login },
        passwordInUrl,
      };
    }
  }
}
