using System.Runtime.InteropServices;
using LowLatency.Core.Engine;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

/// <summary>A frame that a peer received, copied.</summary>
internal sealed record ReceivedFrame(FrameType Type, byte[] Bytes)
{
    internal TFrame Fields<TFrame>()
        where TFrame : unmanaged => MemoryMarshal.Read<TFrame>(Bytes);

    /// <summary>Code and sentence of an Error or Close.</summary>
    internal (ErrorCode Code, string Sentence) Ending()
    {
        return ((ErrorCode)Fields<CloseFrame>().Code, Assert.Single(TestFrames.PartsOf(Bytes)));
    }

    internal (ErrorCode Code, string Sentence) Failure()
    {
        return ((ErrorCode)Fields<FailedEvent>().Code, Assert.Single(TestFrames.PartsOf(Bytes)));
    }

    /// <summary>Body of a Deliver.</summary>
    internal byte[] Body()
    {
        Assert.True(FrameParser.TryParseDeliver(Bytes, out DeliverView view, out _));
        return view.Body.ToArray();
    }
}
