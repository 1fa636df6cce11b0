/** A client of Kubernetes' container runtime interface: what kubelet calls, by gRPC. */
import { join } from 'node:path';
import { credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { TOP } from './sandbox.ts';

/** Calls a method of RuntimeService by its name; gives its answer, with members as in cri.proto. */
export type Cri = <Answer = object>(method: string, request?: object) => Promise<Answer>;

type Method = (request: object, done: (error: ServiceError | null, answer: never) => void) => void;

export function connectCri(socket: string): { readonly call: Cri; readonly close: () => void } {
  const definition = loadSync(join(TOP, 'test/interop/cri.proto'), {
    keepCase: true,
    longs: Number,
    defaults: true,
  });
  // What the client has is known only when the definition is read.
  const loaded = loadPackageDefinition(definition) as unknown as {
    runtime: { v1: { RuntimeService: new (...args: unknown[]) => Record<string, Method> } };
  };
  const client = new loaded.runtime.v1.RuntimeService(
    `unix:${socket}`,
    credentials.createInsecure(),
  );
  return {
    call: (method, request = {}) =>
      new Promise((done, failed) => {
        const call = client[method];
        if (call === undefined) throw new Error(`cri.proto has no ${method}`);
        call.call(client, request, (error, answer) => (error ? failed(error) : done(answer)));
      }),
    close: () => void client['close']?.call(client, {}, () => {}),
  };
}
