/** Runs the suite of the sandbox's books for those in memory; a durable kind belongs here too. */
import { createMemoryBooks } from "#adapters/payment-sandbox/memory-books.ts";
import { describeSandboxBooks } from "./sandbox-books.suite.ts";

describeSandboxBooks("Maps", async () => createMemoryBooks());
