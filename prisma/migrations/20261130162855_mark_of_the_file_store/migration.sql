-- CreateTable
CREATE TABLE "storage_marks" (
    "id" TEXT NOT NULL,
    "mark" TEXT NOT NULL,
    "place" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "storage_marks_pkey" PRIMARY KEY ("id")
);
