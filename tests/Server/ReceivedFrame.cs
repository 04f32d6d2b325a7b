using System.Runtime.InteropServices;
using System.Text;
using LowLatency.Core.Engine;
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
        Assert.True(FrameParser.TryParseClose(Bytes, out TextView<CloseFrame> view, out _));
        return ((ErrorCode)view.Fields.Code, Encoding.UTF8.GetString(view.Text));
    }

    internal (ErrorCode Code, string Sentence) Failure()
    {
        Assert.True(FrameParser.TryParseFailed(Bytes, out TextView<FailedFrame> view, out _));
        return ((ErrorCode)view.Fields.Code, Encoding.UTF8.GetString(view.Text));
    }

    /// <summary>Body of a Deliver.</summary>
    internal byte[] Body()
    {
        Assert.True(FrameParser.TryParseDeliver(Bytes, out DeliverView view, out _));
        return view.Body.ToArray();
    }
}
