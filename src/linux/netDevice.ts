/** Moving a network interface to another network namespace, as it is. */
import { SystemError, throwing, unless } from './call.ts';
import { errnoNumber } from './constants/errno.ts';
import { O_RDONLY } from './constants/file.ts';
import { CLONE_NEWNET } from './constants/process.ts';
import { closing, type Fd, open } from './files.ts';
import { LITTLE_ENDIAN, viewOf } from './memory.ts';
import {
  type Attribute,
  type NetlinkMessage,
  NLM_F_CREATE,
  NLM_F_DUMP,
  netlinkSocket,
  request,
  textAttribute,
  u32Attribute,
} from './netlink.ts';
import type { Pid } from './processes.ts';

const sys = { setns: throwing('setns', 'i:ii') };

// linux/rtnetlink.h
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
// linux/if_link.h, linux/if_addr.h
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_NET_NS_FD = 28;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_F_PERMANENT = 0x80;
const RT_SCOPE_UNIVERSE = 0;
const IFF_UP = 1;

/**
 * Moves the interface `host` of this network namespace to that of a process, under `name`: it keeps its
 * hardware address, its MTU and its global permanent addresses, and is up when it was up. SystemError:
 * ENODEV, EEXIST when there is one of that name, EPERM.
 */
export function moveNetDevice(host: string, name: string, pid: Pid): void {
  closing(open(`/proc/${pid}/ns/net`, O_RDONLY), (namespace) => {
    closing(netlinkSocket(), (here) =>
      closing(socketIn(namespace), (there) => move(host, name, namespace, here, there)),
    );
  });
}

function move(host: string, name: string, namespace: Fd, here: Fd, there: Fd): void {
  const link = findLink(here, host);
  const addresses = addressesOf(here, link.index);
  // The kernel moves first and renames then: a name that is taken would leave the device over there.
  if (unless(['ENODEV'], () => findLink(there, name)) !== undefined) {
    throw new SystemError('netlink', errnoNumber('EEXIST'), name);
  }
  setLink(here, { index: link.index, up: false }, host, [
    textAttribute(IFLA_IFNAME, name),
    u32Attribute(IFLA_NET_NS_FD, namespace),
  ]);
  // The index may be another one's already in the new namespace: the kernel gives a free one then.
  const moved = findLink(there, name);
  setLink(there, { index: moved.index }, name, link.kept);
  for (const address of addresses) addAddress(there, moved.index, address, name);
  if (link.isUp) setLink(there, { index: moved.index, up: true }, name, []);
}

/** A netlink socket of another namespace: this thread is there for one call. */
function socketIn(namespace: Fd): Fd {
  return closing(open('/proc/self/ns/net', O_RDONLY), (own) => {
    sys.setns('network namespace', namespace, CLONE_NEWNET);
    try {
      return netlinkSocket();
    } finally {
      // Should this fail, the error ends tsrun before it does anything in the wrong place.
      sys.setns('network namespace', own, CLONE_NEWNET);
    }
  });
}

interface Link {
  readonly index: number;
  readonly isUp: boolean;
  /** Hardware address and MTU. */
  readonly kept: readonly Attribute[];
}

function findLink(socket: Fd, name: string): Link {
  const asked: NetlinkMessage = {
    type: RTM_GETLINK,
    family: linkHeader({ index: 0 }),
    attributes: [textAttribute(IFLA_IFNAME, name)],
  };
  const [answer] = request(socket, asked, 0, name);
  if (answer === undefined) throw new SystemError('netlink', errnoNumber('ENODEV'), name);
  const view = viewOf(answer.family);
  const kept = answer.attributes.filter(
    ({ type, data }) => type === IFLA_MTU || (type === IFLA_ADDRESS && data.some((b) => b !== 0)),
  );
  return {
    index: view.getInt32(4, LITTLE_ENDIAN),
    isUp: (view.getUint32(8, LITTLE_ENDIAN) & IFF_UP) !== 0,
    kept,
  };
}

/** What is to be done with an interface; without `up` it stays as it is. */
interface LinkChange {
  readonly index: number;
  readonly up?: boolean;
}

function setLink(socket: Fd, change: LinkChange, name: string, attributes: readonly Attribute[]) {
  const family = linkHeader(change);
  request(socket, { type: RTM_NEWLINK, family, attributes }, 0, name);
}

/** struct ifinfomsg: | u8 family, pad | u16 type | i32 index | u32 flags | u32 which of them change | */
function linkHeader({ index, up }: LinkChange): Uint8Array {
  const header = new Uint8Array(16);
  const view = viewOf(header);
  view.setInt32(4, index, LITTLE_ENDIAN);
  view.setUint32(8, up === true ? IFF_UP : 0, LITTLE_ENDIAN);
  view.setUint32(12, up === undefined ? 0 : IFF_UP, LITTLE_ENDIAN);
  return header;
}

/** struct ifaddrmsg: | u8 family | u8 prefix length | u8 flags | u8 scope | u32 index | */
function addressesOf(socket: Fd, index: number): readonly NetlinkMessage[] {
  const asked = { type: RTM_GETADDR, family: new Uint8Array(8), attributes: [] };
  return request(socket, asked, NLM_F_DUMP, 'addresses').filter(({ family }) => {
    const [, , flags = 0, scope] = family;
    const isKept = scope === RT_SCOPE_UNIVERSE && (flags & IFA_F_PERMANENT) !== 0;
    return isKept && viewOf(family).getUint32(4, LITTLE_ENDIAN) === index;
  });
}

/** A label, which begins with the old name, and what the kernel keeps of an address's past stay behind. */
function addAddress(socket: Fd, index: number, address: NetlinkMessage, name: string): void {
  const [kind = 0, prefix = 0] = address.family;
  const family = Uint8Array.of(kind, prefix, IFA_F_PERMANENT, RT_SCOPE_UNIVERSE, 0, 0, 0, 0);
  viewOf(family).setUint32(4, index, LITTLE_ENDIAN);
  const attributes = address.attributes.filter(({ type }) =>
    [IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST].includes(type),
  );
  request(socket, { type: RTM_NEWADDR, family, attributes }, NLM_F_CREATE, name);
}
