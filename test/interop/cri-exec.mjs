/**
 * `node cri-exec.mjs URL`: what kubelet does with the address that CRI's Exec gives: standard input goes to
 * the process, its output comes back, and its exit status is this program's. Kubernetes' remotecommand
 * protocol over WebSocket: the first byte of a message is the channel.
 */
import { WebSocket } from 'ws';

const [STDIN, STDOUT, STDERR, ERROR] = [0, 1, 2, 3];
const socket = new WebSocket(process.argv[2].replace(/^http/, 'ws'), 'v4.channel.k8s.io');
let status = 1;
socket.on('open', () => {
  process.stdin.on('data', (data) => socket.send(Buffer.concat([Buffer.from([STDIN]), data])));
});
socket.on('message', (message) => {
  const [channel, data] = [message[0], message.subarray(1)];
  if (channel === STDOUT) process.stdout.write(data);
  if (channel === STDERR) process.stderr.write(data);
  if (channel !== ERROR) return;
  const { status: outcome, details } = JSON.parse(data.toString());
  status = outcome === 'Success' ? 0 : Number(details?.causes?.[0]?.message ?? 255);
});
socket.on('close', () => process.exit(status));
socket.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
