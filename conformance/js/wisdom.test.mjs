import * as sdk from "@aws-sdk/client-wisdom";
import { newWisdom } from "./client.mjs";
import { suite } from "./quickresponses.mjs";

suite(sdk, newWisdom);
