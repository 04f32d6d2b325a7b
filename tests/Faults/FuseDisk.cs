using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using LowLatency.Core.Journal;
using Xunit;

namespace LowLatency.Tests.Faults;

/// <summary>A file system with one file in it, <c>disk</c>, for a loop device to stand on: it keeps the bytes in memory and logs each write and flush.</summary>
/// <remarks>
/// Speaks the kernel's FUSE protocol itself, version 7.31 and later, on one thread: what the log has in order is the order in which the device was told. Needs root and
/// /dev/fuse; without them it fails, and says what is missing.
/// </remarks>
internal sealed unsafe partial class FuseDisk : IDisposable
{
    private const int MaxWrite = 1024 * 1024;
    private const int BufferLength = MaxWrite + 65_536;
    private const int InHeaderLength = 40;
    private const int OutHeaderLength = 16;
    private const ulong RootNode = 1;
    private const ulong FileNode = 2;
    private const int FileMode = 0x8180; // A regular file, 0600.
    private const int FolderMode = 0x41C0; // A folder, 0700.
    private const int NoSuchCall = 38;

    private readonly long _length;
    private readonly byte* _bytes;
    private readonly byte* _buffer;
    private readonly byte* _reply;
    private readonly int _device;
    private readonly Thread _thread;

    /// <param name="mountPoint">An empty folder.</param>
    /// <param name="length">Bytes of the file.</param>
    internal FuseDisk(string mountPoint, long length)
    {
        MountPoint = mountPoint;
        _length = length;
        _device = NativeFile.Open("/dev/fuse", NativeFile.ReadWriteAccess | NativeFile.CloseOnExecFlag, 0);
        Assert.True(_device >= 0, "/dev/fuse cannot be opened: run as root on a kernel with FUSE ('modprobe fuse'; in a container '--device /dev/fuse --privileged').");
        string options = $"fd={_device},rootmode=40000,user_id=0,group_id=0";
        int error = Mount("lowlatency-faults", mountPoint, "fuse", 0, options) == 0 ? 0 : Marshal.GetLastPInvokeError();
        Assert.True(error == 0, $"A FUSE file system cannot be mounted (errno {error}): run as root, in a container '--privileged'.");
        _bytes = (byte*)NativeMemory.AllocZeroed((nuint)length);
        _buffer = (byte*)NativeMemory.AlignedAlloc(BufferLength, 4096);
        _reply = (byte*)NativeMemory.AlignedAlloc(BufferLength, 4096);
        _thread = new Thread(Serve) { IsBackground = true, Name = "fuse-disk" };
        _thread.Start();
    }

    internal string MountPoint { get; }

    internal string File => Path.Combine(MountPoint, "disk");

    internal BlockLog Log { get; } = new();

    public void Dispose()
    {
        const int detach = 2;
        _ = Unmount(MountPoint, detach);
        _thread.Join();
        _ = NativeFile.Close(_device);
        NativeMemory.Free(_bytes);
        NativeMemory.AlignedFree(_buffer);
        NativeMemory.AlignedFree(_reply);
    }

    private void Serve()
    {
        while (true)
        {
            nint read = Read(_device, _buffer, BufferLength);
            if (read >= InHeaderLength)
                Answer();
            else if (read >= 0 || Marshal.GetLastPInvokeError() is not (Errno.Interrupted or Errno.Again or Errno.NoEntry))
                return; // Unmounted.
        }
    }

    private void Answer()
    {
        uint code = *(uint*)(_buffer + 4);
        ulong node = *(ulong*)(_buffer + 16);
        byte* input = _buffer + InHeaderLength;
        byte* output = _reply + OutHeaderLength;
        switch (code)
        {
            case 1: // LOOKUP
                Lookup(input, output);
                break;
            case 2 or 36 or 42: // FORGET, INTERRUPT, BATCH_FORGET: no answer.
                break;
            case 3 or 4: // GETATTR, SETATTR
                new Span<byte>(output, 104).Clear();
                *(ulong*)output = 3600;
                WriteAttributes(output + 16, node);
                Reply(0, 104);
                break;
            case 14 or 27: // OPEN, OPENDIR
                new Span<byte>(output, 16).Clear();
                Reply(0, 16);
                break;
            case 15: // READ
                long from = *(long*)(input + 8);
                int wanted = (int)Math.Clamp(_length - from, 0, *(uint*)(input + 16));
                Buffer.MemoryCopy(_bytes + from, output, MaxWrite, wanted);
                Reply(0, wanted);
                break;
            case 16: // WRITE
                long at = *(long*)(input + 8);
                int count = (int)Math.Clamp(_length - at, 0, *(uint*)(input + 16));
                var bytes = new ReadOnlySpan<byte>(input + 40, count);
                bytes.CopyTo(new Span<byte>(_bytes + at, count));
                Log.Add(at, bytes);
                *(ulong*)output = (ulong)count;
                Reply(0, 8);
                break;
            case 17: // STATFS
                new Span<byte>(output, 80).Clear();
                Reply(0, 80);
                break;
            case 20: // FSYNC
                Log.AddFlush();
                Reply(0, 0);
                break;
            case 18 or 25 or 29 or 30 or 34 or 38: // RELEASE, FLUSH, RELEASEDIR, FSYNCDIR, ACCESS, DESTROY
                Reply(0, 0);
                break;
            case 26: // INIT
                Initialize(input, output);
                break;
            case 28: // READDIR: nobody needs to see the file.
                Reply(0, 0);
                break;
            default:
                Reply(NoSuchCall, 0);
                break;
        }
    }

    private void Initialize(byte* input, byte* output)
    {
        const uint bigWrites = 1 << 5;
        const uint maxPages = 1 << 22;
        new Span<byte>(output, 64).Clear();
        *(uint*)output = 7;
        *(uint*)(output + 4) = 31;
        *(uint*)(output + 8) = *(uint*)(input + 8);
        *(uint*)(output + 12) = bigWrites | maxPages;
        *(ushort*)(output + 16) = 16;
        *(ushort*)(output + 18) = 12;
        *(uint*)(output + 20) = MaxWrite;
        *(uint*)(output + 24) = 1;
        *(ushort*)(output + 28) = MaxWrite / 4096;
        Reply(0, 64);
    }

    private void Lookup(byte* name, byte* output)
    {
        if (Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name)) != "disk")
        {
            Reply(Errno.NoEntry, 0);
            return;
        }
        new Span<byte>(output, 128).Clear();
        *(ulong*)output = FileNode;
        *(ulong*)(output + 16) = 3600;
        *(ulong*)(output + 24) = 3600;
        WriteAttributes(output + 40, FileNode);
        Reply(0, 128);
    }

    private void WriteAttributes(byte* attributes, ulong node)
    {
        *(ulong*)attributes = node;
        *(long*)(attributes + 8) = node == RootNode ? 0 : _length;
        *(long*)(attributes + 16) = node == RootNode ? 0 : _length / 512;
        *(int*)(attributes + 60) = node == RootNode ? FolderMode : FileMode;
        *(int*)(attributes + 64) = 1;
        *(int*)(attributes + 80) = 4096;
    }

    private void Reply(int error, int length)
    {
        BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(_reply, 4), OutHeaderLength + length);
        *(int*)(_reply + 4) = -error;
        *(ulong*)(_reply + 8) = *(ulong*)(_buffer + 8);
        _ = Write(_device, _reply, (nuint)(OutHeaderLength + length));
    }

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, nuint flags, string options);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int file, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int file, void* buffer, nuint length);
}
