// What the tests of npm's clients have alike.
import OpenAI from "openai";
import { z } from "zod";

export const baseURL = `${process.env.HADAL_URL}/v1`;

export const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });

/** Leaves random weights plain text alone, which nothing but a limit ends. */
export const plain = { logit_bias: JSON.parse(process.env.HADAL_PLAIN) };

// Random weights keep to it, as the server makes them.
export const Day = z.object({ day: z.enum(["monday", "friday"]) });
