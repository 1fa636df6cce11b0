/**
 * NOTIFY_SOCKET, set for tsrun itself: its caller, systemd with Type=notify, waits to be told that the container
 * is ready. The container is given a socket of its own for that; `start` binds it, and passes the word on.
 * sd_notify(3); paths are runc's. No property of config.json: steps name the variable.
 */
import type { Mount } from '../generated/spec.ts';
import type { CreateOptions, PlanContext } from '../plan/context.ts';
import { type Step, step } from '../plan/step.ts';

/** The origin of what the variable asks for. */
export const NOTIFY_SOCKET = '$NOTIFY_SOCKET';

const CONTAINER_DIRECTORY = '/run/notify';
const NAME = 'notify.sock';

/** The directory of the state directory that the container sees; the socket in it. */
export const notifyDirectoryOf = (stateDirectory: string): string => `${stateDirectory}/notify`;
export const notifySocketOf = (stateDirectory: string): string =>
  `${notifyDirectoryOf(stateDirectory)}/${NAME}`;

/** Behind all of the config's. */
export const notifyMounts = ({ notify, stateDirectory }: CreateOptions): readonly Mount[] =>
  notify === undefined
    ? []
    : [
        {
          destination: CONTAINER_DIRECTORY,
          type: 'bind',
          source: notifyDirectoryOf(stateDirectory),
          options: ['bind', 'nosuid', 'noexec', 'nodev', 'ro'],
        },
      ];

export const notifyVariables = ({ notify }: CreateOptions): readonly string[] =>
  notify === undefined ? [] : [`NOTIFY_SOCKET=${CONTAINER_DIRECTORY}/${NAME}`];

export const planNotifyDirectory = ({ options }: PlanContext): readonly Step[] =>
  options.notify === undefined
    ? []
    : [
        step('runtime', NOTIFY_SOCKET, {
          call: 'mkdir',
          path: notifyDirectoryOf(options.stateDirectory),
          mode: 0o755,
        }),
      ];
