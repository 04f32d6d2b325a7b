using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Transport.Wire;

namespace LowLatency.Tests.Wire;

/// <summary>Parses every frame as a session would, reads every byte that the views offer, and folds all of it into one number.</summary>
/// <remarks>No allocation. Ends at a parse error that costs the connection.</remarks>
internal struct HashingSink : IFrameSink
{
    internal const int MaxBodyLength = 4096;

    internal ulong Hash;
    internal int Frames;
    internal int RequestErrors;

    /// <summary>The error that ended the connection.</summary>
    internal FrameError Error;

    /// <summary>When set: opens batches.</summary>
    internal BatchOpener? Batches;

    /// <summary>Refuses the next frame when it reaches 0; not used when negative.</summary>
    internal int RefuseIn;

    public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        if (!Error.IsNone || RefuseIn-- == 0)
            return false;

        if (type == FrameType.Batch && Batches != null)
        {
            bool isTaken = Batches.Take(frame, ref this, out FrameError problem);
            if (Error.IsNone)
                Error = problem;
            return isTaken;
        }

        Fold((ulong)type);
        Fold(frame);
        if (!Parse(type, frame, out FrameError error))
        {
            Fold((ulong)error.Fault);
            Fold(error.Request);
            if (error.CostsConnection)
            {
                Error = error;
                return false;
            }

            RequestErrors++;
        }

        Frames++;
        return true;
    }

    private bool Parse(FrameType type, scoped ReadOnlySpan<byte> frame, out FrameError error)
    {
        error = default;
        switch (type)
        {
            case FrameType.Publish:
                return FrameParser.TryParsePublish(frame, MaxBodyLength, out var publish, out error)
                    && Fold(publish.Fields.Sequence) && Fold(publish.RoutingKey) && Fold(publish.Headers) && Fold(publish.Body);
            case FrameType.Confirm:
                return FrameParser.TryParseConfirm(frame, out var confirm, out error) && Fold(confirm.Sequence);
            case FrameType.Credit:
                return Fold(FrameParser.ParseCredit(frame).Bytes);
            case FrameType.Deliver:
                return FrameParser.TryParseDeliver(frame, out var deliver, out error)
                    && Fold(deliver.Fields.Tag) && Fold(deliver.RoutingKey) && Fold(deliver.Headers) && Fold(deliver.Body);
            case FrameType.DeliverConflated:
                return FrameParser.TryParseDeliverConflated(frame, out var conflated, out error)
                    && Fold(conflated.Fields.Tag) && Fold(conflated.RoutingKey) && Fold(conflated.Headers) && Fold(conflated.Body)
                    && Fold(MemoryMarshal.Read<DeliverConflatedFrame>(frame).Elided);
            case FrameType.Batch:
                return FrameParser.TryParseBatch(frame, out int originalLength, out error) && Fold((ulong)originalLength) && Fold(frame[FrameLayout.BatchBlock..]);
            case FrameType.Settle:
                return FrameParser.TryParseSettle(frame, out var settle, out error) && Fold(settle.LastTag);
            default:
                return FrameParser.TryCheck(frame, out error) && FoldParts(frame, FrameShape.Of(type)!);
        }
    }

    private bool FoldParts(scoped ReadOnlySpan<byte> frame, FrameShape shape)
    {
        FrameParts parts = new(frame[shape.FixedLength..]);
        foreach (FramePart part in shape.Parts)
            Fold(part == FramePart.String ? parts.String() : parts.Long());
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Fold(ulong value)
    {
        Hash = (Hash ^ value) * 0x9E3779B97F4A7C15;
        Hash ^= Hash >> 29;
        return true;
    }

    private bool Fold(scoped ReadOnlySpan<byte> bytes)
    {
        Fold((ulong)bytes.Length);
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(bytes))
            Fold(word);
        foreach (byte rest in bytes[(bytes.Length & ~7)..])
            Fold(rest);
        return true;
    }
}
