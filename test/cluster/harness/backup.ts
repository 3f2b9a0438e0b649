export async function backUpAndRestore(): Promise<void> {}
