-- AlterTable
ALTER TABLE "event_log_heads" ADD COLUMN     "epoch" TEXT NOT NULL DEFAULT '00000000';

-- CreateTable
CREATE TABLE "event_log_histories" (
    "id" TEXT NOT NULL,
    "epoch" TEXT NOT NULL,
    "writer" TEXT NOT NULL,
    "system_identifier" TEXT,
    "timeline" TEXT,
    "database_oid" TEXT,

    CONSTRAINT "event_log_histories_pkey" PRIMARY KEY ("id")
);
