import * as sdk from "@aws-sdk/client-qconnect";
import { newQConnect } from "./client.mjs";
import { suite } from "./quickresponses.mjs";

suite(sdk, newQConnect);
