import { BlockList, isIP } from 'node:net';
import type { Request } from 'express';

/** Loopback, link-local and private addresses: where a proxy of one's own stands. */
const PRIVATE = new BlockList();
for (const [address, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const) {
  PRIVATE.addSubnet(address, bits, 'ipv4');
}
PRIVATE.addAddress('::1', 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');

/**
 * Whether Express believes what an address says of who stands behind it: the socket's other end alone, and where it is private. A client on a private address
 * behind that proxy would otherwise choose its own address.
 *
 * @param hop 0 for the socket's other end, then one more for each address in X-Forwarded-For, from its end
 */
export function isOwnProxy(address: string | undefined, hop: number): boolean {
  // A socket that is closed knows its other end no more.
  const [plain = ''] = address?.split('%', 1) ?? [];
  const family = isIP(plain);
  return hop === 0 && family !== 0 && PRIVATE.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}

/** The address that the request comes from: what a trusted proxy names, or the socket's other end where that is none. */
export function remoteAddress({ ip, socket }: Pick<Request, 'ip' | 'socket'>): string | undefined {
  return ip !== undefined && isIP(ip) !== 0 ? ip : socket.remoteAddress;
}

/**
 * The address that limits count by: an IPv4 address whole, of an IPv6 address the first 64 bits, since one customer is commonly given a whole /64.
 *
 * @example rateAddress('2001:db8:1:2:3::4') // '2001:db8:1:2::/64'
 */
export function rateAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':').toLowerCase()}::/64`;
}
