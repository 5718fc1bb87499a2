// Makes import jobs that stay unfinished: it runs without limits on a node that works on
// no jobs.
import { test } from "node:test";
import { CreateImportJobCommand } from "@aws-sdk/client-sesv2";
import { ses } from "../client.mjs";

test("twenty import jobs of SES", async () => {
  for (let i = 0; i < 20; i++) {
    await ses.send(new CreateImportJobCommand({
      ImportDestination: { SuppressionListDestination: { SuppressionListImportAction: "PUT" } },
      ImportDataSource: { S3Url: "s3://files/rows.csv", DataFormat: "CSV" },
    }));
  }
});
