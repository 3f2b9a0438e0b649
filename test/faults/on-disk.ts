/**
 * Disks for scenarios: in the folder of a bench, alone or under a laptop's data.
 *
 * Fails:  as `powercut.ts` does: without Go on the first use, without root or /dev/fuse always.
 */
import { join } from "node:path";
import { createLaptop, type Laptop } from "./installation.ts";
import { Disk, powercutProgram } from "./powercut.ts";
import type { Bench } from "./scenario.ts";

/** A disk that is mounted at `at` when `mount` is called. `name`: where there are several. */
export async function diskAt(at: string, { dir, progress }: Bench, name = ""): Promise<Disk> {
  const program = await powercutProgram(progress);
  return new Disk({ program, platter: join(dir, `platter${name}`), at, control: join(dir, `c${name}`) });
}

export interface LaptopOnDisk extends AsyncDisposable {
  readonly disk: Disk;
  readonly laptop: Laptop;
  /** Mounts the disk and starts the daemon; resolves when it is ready. `slow`: what every fsync takes longer, ms. */
  powerOn(slow?: number): Promise<void>;
}

/** Everything that the laptop keeps lies on the disk. Its power is not on yet. */
export async function laptopOnDisk(bench: Bench): Promise<LaptopOnDisk> {
  await using parts = new AsyncDisposableStack();
  const { dir, sink } = bench;
  const data = join(dir, "data");
  const disk = parts.use(await diskAt(data, bench));
  const laptop = parts.use(await createLaptop({ dir, data, sinkPort: sink.port }));
  const owned = parts.move();
  return {
    disk,
    laptop,
    async powerOn(slow = 0) {
      await disk.mount(slow);
      laptop.daemon.start();
      await laptop.daemon.ready();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
